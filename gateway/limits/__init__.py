"""How much one caller may ask for, and how much a member is asked: decided before anything goes to the bus.

rules       what the settings mean, who is counted as whom, what clients are told. Pure
window      one count: what was taken, what is left, when there is more. Pure
windows     counting in this process
shared      counting in Redis, together with other gateways; the one file that knows Redis
slots       requests at the same time
limiter     all of it: one request in, let through or refused
around      the limiter around every request
members     the limiter around every call to a member
"""
