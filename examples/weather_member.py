"""A member in ten lines: python examples/weather_member.py"""

from __future__ import annotations

import asyncio

from omega import Member

member = Member("weather", name="Weather", description="Forecasts for cities", tags=["weather"])


@member.tool
async def forecast(city: str, days: int = 1) -> dict[str, str]:
    """The weather in a city for the next days."""
    return {"city": city, "forecast": "sunny" if days < 3 else "sunny at first, then rain"}


if __name__ == "__main__":
    asyncio.run(member.run())
