"""A member with everything the official conformance suite asks a server for, by the names it asks with."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context, RequestStateSecurity
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    Completion,
    CreateMessageResult,
    ElicitResult,
    EmbeddedResource,
    ImageContent,
    InputRequiredResult,
    ListRootsResult,
    TextContent,
    TextResourceContents,
)
from pydantic import Field

from members import Fanout, Member
from tests.support.conformance_questions import (
    DEFAULTS,
    ENUMS,
    JSON_SCHEMA,
    asked,
    elicit,
    one_string,
    roots,
    sample,
)

ID = "everything"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
STATE_KEY = "a key that all replicas of the member share"
Ctx = Context[Any, Any]
Asks = str | InputRequiredResult
PAUSE_S = 0.05
"""The suite asks for a pause between two notifications, so that a client can be seen to get them one by one."""


def conformance_member(id: str = ID) -> Member:
    """The member, ready to serve."""
    server: MCPServer[Any] = MCPServer(
        id,
        version="1.0.0",
        instructions="Everything the suite asks for",
        subscriptions=Fanout(),
        request_state_security=RequestStateSecurity(keys=[STATE_KEY]),
        log_level="WARNING",
    )
    for add in (_contents, _talking, _asking, _asking_in_rounds, _changing, _resources, _prompts):
        add(server)
    return Member(id, name="Everything", description="Answers the conformance suite", server=server, limit=200)


def _contents(server: MCPServer[Any]) -> None:
    @server.tool(description="One text")
    def test_simple_text() -> str:
        return "This is a simple text response for testing."

    @server.tool(description="One image")
    def test_image_content() -> list[ImageContent]:
        return [_image()]

    @server.tool(description="One sound")
    def test_audio_content() -> list[AudioContent]:
        return [AudioContent(type="audio", data=WAV, mime_type="audio/wav")]

    @server.tool(description="One resource inside the result")
    def test_embedded_resource() -> list[EmbeddedResource]:
        return [_embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]

    @server.tool(description="A text, an image and a resource")
    def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
        data = json.dumps({"test": "data", "value": 123})
        return [
            TextContent(type="text", text="Multiple content types test:"),
            _image(),
            _embedded("test://mixed-content-resource", "application/json", data),
        ]

    @server.tool(description="Always fails")
    def test_error_handling() -> str:
        raise ValueError("This tool intentionally returns an error for testing")

    @server.tool(description="An argument that travels as a header, too")
    def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "") -> str:
        return f"region={region}"

    tool = server._tool_manager.add_tool(lambda: "ok", name="json_schema_2020_12_tool", description="A rich schema")
    tool.parameters = JSON_SCHEMA


def _talking(server: MCPServer[Any]) -> None:
    @server.tool(description="Tells how far it is")
    async def test_tool_with_progress(ctx: Ctx) -> str:
        for step in (0, 50, 100):
            await ctx.report_progress(step, 100, f"Completed step {step} of 100")
            await asyncio.sleep(PAUSE_S)
        return "done"

    @server.tool(description="Logs while it runs")
    async def test_tool_with_logging(ctx: Ctx) -> str:
        for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(line)
            await asyncio.sleep(PAUSE_S)
        return "Tool with logging executed successfully"

    @server.tool(description="Logs once")
    async def test_logging_tool(ctx: Ctx) -> str:
        await ctx.info("a line")
        return "logged"

    @server.tool(description="Logs before and after a pause in which its client may come again")
    async def test_reconnection(ctx: Ctx) -> str:
        await ctx.info("before")
        await asyncio.sleep(PAUSE_S)
        await ctx.info("after")
        return "Reconnection test completed"


def _asking(server: MCPServer[Any]) -> None:
    @server.tool(description="Asks the client's model")
    def test_sampling(prompt: str, ctx: Ctx) -> Asks:
        told = _answers(ctx).get("answer")
        return f"LLM response: {_text(told)}" if told else asked(answer=sample(prompt, 100))

    @server.tool(description="Asks the user")
    def test_elicitation(message: str, ctx: Ctx) -> Asks:
        told = _answers(ctx).get("answer")
        return _outcome("User response", told) or asked(answer=elicit(message, one_string("username", "email")))

    @server.tool(description="Asks the user, with a default for every kind of value")
    def test_elicitation_sep1034_defaults(ctx: Ctx) -> Asks:
        told = _answers(ctx).get("answer")
        return _outcome("Elicitation completed", told) or asked(answer=elicit("Who are you?", DEFAULTS))

    @server.tool(description="Asks the user to choose")
    def test_elicitation_sep1330_enums(ctx: Ctx) -> Asks:
        told = _answers(ctx).get("answer")
        return _outcome("Elicitation completed", told) or asked(answer=elicit("Choose", ENUMS))

    @server.tool(description="Asks the user in the middle of a stream")
    async def test_streaming_elicitation(ctx: Ctx) -> Asks:
        told = _answers(ctx).get("answer")
        await ctx.report_progress(1, 2)
        return _outcome("User response", told) or asked(answer=elicit("Go on?", one_string("word")))

    @server.tool(description="Needs a client that samples")
    def test_missing_capability(ctx: Ctx) -> str:
        if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
            needs = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs sampling", needs)
        return "the client samples"


def _asking_in_rounds(server: MCPServer[Any]) -> None:
    name = elicit("What is your name?", one_string("name"))
    capital = sample("What is the capital of France?", 100)

    @server.tool(description="Asks for a name")
    def test_input_required_result_elicitation(ctx: Ctx) -> Asks:
        told = _content(_answers(ctx).get("user_name"), "name")
        return f"Hello, {told}!" if told else asked(user_name=name)

    @server.tool(description="Asks the client's model for a capital")
    def test_input_required_result_sampling(ctx: Ctx) -> Asks:
        told = _answers(ctx).get("capital_question")
        return _text(told) if told else asked(capital_question=capital)

    @server.tool(description="Asks for the client's roots")
    def test_input_required_result_list_roots(ctx: Ctx) -> Asks:
        told = _answers(ctx).get("client_roots")
        return _roots(told) if told else asked(client_roots=roots())

    @server.tool(description="Asks, and checks what it handed out")
    def test_input_required_result_request_state(ctx: Ctx) -> Asks:
        if _answers(ctx).get("confirm") and ctx.request_state == "first":
            return "state-ok"
        return asked("first", confirm=elicit("Please confirm", one_string("ok", kind="boolean")))

    @server.tool(description="Asks three things at once")
    def test_input_required_result_multiple_inputs(ctx: Ctx) -> Asks:
        questions = {"user_name": name, "greeting": sample("Generate a greeting", 50), "client_roots": roots()}
        if ctx.request_state == "all" and questions.keys() <= _answers(ctx).keys():
            return "all answered"
        return asked("all", **questions)

    @server.tool(description="Asks twice")
    def test_input_required_result_multi_round(ctx: Ctx) -> Asks:
        told = _answers(ctx)
        if ctx.request_state == "two" and "step2" in told:
            return f"Done: {_content(told['step2'], 'color')}"
        if ctx.request_state == "one" and "step1" in told:
            return asked("two", step2=elicit("Step 2: What is your favorite color?", one_string("color")))
        return asked("one", step1=elicit("Step 1: What is your name?", one_string("name")))

    @server.tool(description="Hands out a state that nobody may change")
    def test_input_required_result_tampered_state(ctx: Ctx) -> Asks:
        if ctx.request_state == "untouched":
            return "state-ok"
        return asked("untouched", confirm=elicit("Please confirm", one_string("ok", kind="boolean")))

    @server.tool(description="Asks only what the client can answer")
    def test_input_required_result_capabilities(ctx: Ctx) -> Asks:
        can = ctx.client_capabilities
        offered = {
            "user_name": name if can is not None and can.elicitation is not None else None,
            "capital_question": capital if can is not None and can.sampling is not None else None,
            "client_roots": roots() if can is not None and can.roots is not None else None,
        }
        questions = {key: question for key, question in offered.items() if question is not None}
        return asked(**questions) if questions and not _answers(ctx) else "done"


def _changing(server: MCPServer[Any]) -> None:
    @server.tool(description="The tools change")
    async def test_trigger_tool_change(ctx: Ctx) -> str:
        await ctx.notify_tools_changed()
        return "changed"

    @server.tool(description="The prompts change")
    async def test_trigger_prompt_change(ctx: Ctx) -> str:
        await ctx.notify_prompts_changed()
        return "changed"

    @server.tool(description="The watched resource changes")
    async def test_trigger_resource_update(ctx: Ctx) -> str:
        await ctx.notify_resource_updated("test://watched-resource")
        return "changed"


def _resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", description="A text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", description="An image", mime_type="image/png")
    def static_binary() -> bytes:
        return base64.b64decode(PNG)

    @server.resource("test://watched-resource", description="Something to watch", mime_type="text/plain")
    def watched() -> str:
        return "Watched resource content"

    @server.resource("test://template/{id}/data", description="One of many", mime_type="application/json")
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _prompts(server: MCPServer[Any]) -> None:
    @server.prompt(description="No arguments")
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description="Two arguments")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description="A resource inside the prompt")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
        embedded = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(embedded), UserMessage("Please process the embedded resource above.")]

    @server.prompt(description="An image inside the prompt")
    def test_prompt_with_image() -> list[UserMessage]:
        return [UserMessage(_image()), UserMessage("Please analyze the image above.")]

    @server.prompt(description="Asks before it answers")
    def test_input_required_result_prompt(ctx: Ctx) -> str | InputRequiredResult:
        told = _content(_answers(ctx).get("user_context"), "context")
        question = elicit("What context should the prompt use?", one_string("context"))
        return f"In the context of {told}" if told else asked(user_context=question)

    @server.completion()
    async def complete(*_: Any) -> Completion:
        return Completion(values=["paris", "park", "party"], total=3, has_more=False)


def _answers(ctx: Ctx) -> Mapping[str, Any]:
    return ctx.input_responses or {}


def _content(told: Any, key: str) -> Any:
    return (told.content or {}).get(key) if isinstance(told, ElicitResult) else None


def _outcome(label: str, told: Any) -> str:
    if not isinstance(told, ElicitResult):
        return ""
    return f"{label}: action={told.action}, content={json.dumps(told.content or {})}"


def _text(told: Any) -> str:
    is_text = isinstance(told, CreateMessageResult) and isinstance(told.content, TextContent)
    return told.content.text if is_text else "no text"


def _roots(told: Any) -> str:
    return ", ".join(str(root.uri) for root in told.roots) if isinstance(told, ListRootsResult) else "no roots"


def _image() -> ImageContent:
    return ImageContent(type="image", data=PNG, mime_type="image/png")


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))
