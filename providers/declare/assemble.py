"""Build the pipeline of a provider, a wire and a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from attrs import evolve

from ...pipeline.http.headers import Headers, checked_headers
from ...pipeline.http.request import RAW_OPTIONS, Request
from ...pipeline.http.response import Response
from ...pipeline.http.urls import with_query_last
from ...pipeline.pipeline import Pipeline
from ...pipeline.step import Step, on_request, place_in_code
from ...pipeline.steps.check_answer import check_answer
from ...pipeline.steps.decode import decode_response, decoded, extract_usage, read_usage, reader_of
from ...pipeline.steps.errors import map_errors
from ...pipeline.steps.open_stream import open_stream
from ...pipeline.steps.retry import RetryBudget, retry
from ...pipeline.stream.decoder import StreamSteps
from ...schemas.errors import InvalidOption, StepError, StepwellError
from ...schemas.functions import taken
from ...schemas.memo import Memo
from ...schemas.model import Model
from ...schemas.options import OPERATION_OPTIONS, check_options, check_value, checked_format
from ...schemas.reply import CallWarning, Reply
from ...schemas.tool import check_tool_choice
from .. import BUILT_IN
from ..history.histories import HistoryTarget, fit_history
from ..history.origins import Origins
from .addresses import filled, refuse_endpoint
from .dropped import report_dropped, warn_of_dropped
from .encoding import encoding
from .environment import PROCESS, Environment, environment_of
from .failures import failure_finder
from .fit_schemas import fit_schemas
from .hosted_tools import with_server_tools
from .kept_options import MOST, keep, scalars_key
from .login_steps import authentication, resolve_key, trusted_url
from .option_names import suggest_option
from .place import STREAM_STEPS
from .prefill import with_prefill_marked
from .provenance import with_origin
from .provider import Provider
from .resolve import Resolved
from .rule_tables import Rules, is_packaged
from .server_tools import kinds_asked
from .translate import DEPENDENT, fit_combinations, no_json_with_tools, translate, without_empty
from .wire import Wire, common_options

_ANY: Mapping[str, Any] = {}
_SERVER = attrgetter("server")
USER_AGENT = "stepwell/0.1"
_OF_MANY_CALLS = frozenset(("upload_batch", "create_batch"))
"""Operations whose bodies hold the bodies of thousands of calls."""


def build_pipeline(
    provider: Provider,
    model: Model,
    wire: Wire,
    steps: Resolved,
    *,
    stream: bool = False,
    budget: RetryBudget | None = None,
    environment: Environment = PROCESS,
) -> Pipeline:
    """Build the pipeline of one call.

    provider, model, wire: the destination of the call.
    steps: the functions in force.
    stream: whether it is streamed.
    budget: the retries that calls share.
    environment: the variables of the client.

    Retry sees error statuses; authentication is inside it and sees the final bytes of each attempt.
    """
    find_error = steps["find_error"]
    authenticate = steps["authenticate"]
    needs_key = provider.needs_key(wire, authenticate)
    of_answer = check_answer(wire.operation)
    build_body = with_prefill_marked(steps["build_body"], provider.prefill.get(wire.name))
    attach = (steps.get("attach_stream") if stream else None) or steps.get("attach")
    pipeline = Pipeline(
        (
            with_origin(check(provider, wire), steps, details=["normalize_model_id"]),
            with_origin(
                resolve_key(provider, model, steps.get("default_env_key"), environment, optional=not needs_key),
                steps,
                details=["default_env_key"],
            ),
            with_origin(
                prepare_step(provider, wire, steps.get("prepare_request"), steps.fit), steps, "prepare_request"
            ),
            with_origin(translation(provider, model, wire, steps["translate_options"]), steps, "translate_options"),
            with_origin(fit_history(_target(provider, model, wire, steps)), steps, details=HISTORY_STEPS),
            with_origin(fit_schemas(steps["object_support"], provider.id), steps, details=["object_support"]),
            *([] if of_answer is None else [of_answer]),
            with_origin(
                encoding(build_body, steps["encode_body"], apart=wire.operation in _OF_MANY_CALLS),
                steps,
                "build_body",
                ["encode_body"],
            ),
            *_text_call_steps(steps.text_calls),
            with_origin(
                extract_usage(steps["extract_usage"], wire.counted_in_headers, wire.side_fields), steps, "extract_usage"
            ),
            with_origin(
                decode_response(
                    steps["decode_response"],
                    binary=wire.binary,
                    side_fields=wire.side_fields,
                    failure=failure_finder(wire.operation, reader_of(steps["extract_usage"]), wire.side_fields),
                    apart=wire.operation != "chat",
                ),
                steps,
                "decode_response",
            ),
            with_origin(map_errors(find_error), steps, "find_error"),
            retry(find_error, budget=budget),
            with_origin(
                open_stream(_stream_steps(wire, steps), _unstreamed_reader(wire, steps)),
                steps,
                "decode_stream_event",
                STREAM_STEPS,
            ),
            with_origin(authentication(provider, authenticate, environment), steps, "authenticate"),
            with_origin(
                Step("send", lambda call, halted: (call, halted), "network", source=place_in_code(build_pipeline)),
                steps,
                details=["attach", "attach_stream"],
            ),
        )
    )
    named = {"model": model, "operation": wire.operation}
    attached = attach(pipeline, provider, **taken(attach, named)) if attach else pipeline
    if not isinstance(attached, Pipeline):
        raise StepError(f"attach of {provider.id} returned {type(attached).__name__} instead of a Pipeline")
    return Pipeline(evolve(step, of_provider=True) for step in attached)


HISTORY_STEPS = ("tool_call_id_policy", "tool_name_policy", "accepts_part")


def _target(provider: Provider, model: Model, wire: Wire, steps: Resolved) -> HistoryTarget:
    own = tuple(f"{id}:" for id in (provider.id, *provider.accepts_signatures_of))
    listed = bool(provider.source) or provider.id in BUILT_IN  # not a user's own
    origins = Origins(wire.history_format or wire.name, own, model, steps["accepts_part"], by_form=listed)
    return HistoryTarget(
        origins,
        steps["tool_call_id_policy"],
        steps["tool_name_policy"],
        wire.history_shape,
        wire.conversation_id_options,
        wire.finalize_history,
        provider.prefill.get(wire.name),
    )


def _stream_steps(wire: Wire, steps: Resolved) -> Callable[[], StreamSteps] | StreamSteps:
    if steps["parse_stream_protocol"] is None or steps["decode_stream_event"] is None:
        return wire.stream_steps
    return StreamSteps(**{name: steps[name] for name in STREAM_STEPS}, rest_of=wire.rest_of_stream)


def _unstreamed_reader(wire: Wire, steps: Resolved) -> Callable[[Response], Reply]:
    """Return a function that reads an unstreamed answer to a streamed call, as an unstreamed call would."""
    find_error = steps["find_error"]
    decode, extract = reader_of(steps["decode_response"]), reader_of(steps["extract_usage"])
    failure = failure_finder(wire.operation, extract, wire.side_fields)

    def read(response: Response) -> Reply:
        error = find_error(response)
        if error is not None:
            raise error
        reply = decoded(
            response, response.request, decode, binary=wire.binary, side_fields=wire.side_fields, failure=failure
        )
        if (usage := read_usage(extract, response, reply, wire.side_fields)) is not None:
            reply.usage = usage
        return reply

    return read


def check(provider: Provider, wire: Wire) -> Step:
    """Make the step that checks every option against its schema.

    Keyword arguments are the common options. The provider's own are in `provider_options`; those that it does not
    declare go into the body as they are.
    """
    table, common = provider.option_table(wire), common_options(wire)
    own = provider.options
    misplaced = own.keys() - common.keys()
    accepted = Memo[Any, bool](MOST)

    same = [each for each in provider.wires if each.operation == wire.operation]
    others = {kind: each.name for each in same for kind in each.server_tools}

    def check_options_of(request: Request) -> Request:
        if any(map(_SERVER, request.context.tools)) and kinds_asked(request.context.tools):
            request = with_server_tools(request, wire.server_tools, provider.id, others)
        all_options = request.options
        if not all_options:
            return request
        key = scalars_key(all_options)
        if key in accepted:
            return request
        where = str(request.model)
        tools = request.context.tools
        # Tools in the vendor's own form cannot be checked.
        if all_options.get("tool_choice") is not None and (
            tools or "tools" not in (all_options.get("provider_options") or ())
        ):
            from .tool_choices import plain_choice  # few calls have one

            choice, several = plain_choice(all_options["tool_choice"])
            choice = check_tool_choice(choice, tools, wire.tool_choices, where=where)
            all_options = {**all_options, "tool_choice": choice}
            if several is not None:
                all_options.setdefault("parallel_tool_calls", several)
        options = {
            name: value for name, value in all_options.items() if value is not None and name != "provider_options"
        }
        if not misplaced.isdisjoint(options):
            name = min(misplaced & options.keys())
            raise InvalidOption(
                f"unknown option {name!r} for {where}: it is an option of {provider.id} alone",
                hint=f"pass provider_options={{{name!r}: ...}}",
            )
        check_options(options, table, where=where, suggest=suggest_option)
        if "response_format" in options and wire.operation == "chat":
            options["response_format"] = checked_format(options["response_format"], where=where)
        if key is None or options.get("stop") == "":
            request, key = without_empty(request, options, table), None
        if key is not None and "tool_choice" not in options:
            keep(accepted, key, options, True)
            return request
        extra = all_options.get("provider_options")
        if not extra:
            return request.replace(options=options)
        if isinstance(extra.get(provider.id), Mapping):
            extra = extra[provider.id]
        known = {name: value for name, value in extra.items() if name in own}
        check_options(known, table, where=where)
        raw = {name: value for name, value in extra.items() if name not in own}
        check_value("provider_options", raw, _ANY, where=where)
        return request.with_options({**options, **known}).with_state(RAW_OPTIONS, raw)

    return on_request("check_options", check_options_of)


def _text_call_steps(forms: tuple[str, ...]) -> list[Step]:
    """Return the step that reads tool calls out of texts, where the model writes some in these forms."""
    if not forms:
        return []
    from ..text_calls.step import reading_step  # heavy: few models write calls as text

    return [reading_step("read_text_calls_of_family", forms)]


def prepare_step(
    provider: Provider,
    wire: Wire,
    own: Callable[[Request], Request] | None,
    fit: Callable[[Request], Request] | None = None,
) -> Step:
    """Make the step that sets the address and the headers, and runs the provider's prepare_request, `own`, after what
    fits the request to the model's family."""
    unstreamed = Headers(
        {
            "content-type": wire.content_type,
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": USER_AGENT,
            **checked_headers({**wire.headers, **provider.headers}),
        }
    )
    streamed = Headers(unstreamed, accept=wire.stream_accept)
    checked = Memo[str, bool](MOST)

    def prepare_request(request: Request) -> Request:
        path = (wire.stream_path if request.stream else None) or wire.path
        headers = Headers.__new__(Headers)  # without __init__, as in every call
        dict.update(headers, streamed if request.stream else unstreamed)
        if request.headers:
            headers.update(checked_headers(request.headers))
        path, root = path if isinstance(path, str) else path(request), request.base_url.rstrip("/")
        request = request.replace(method=wire.method, url=root + path, headers=headers, names=wire.names)
        if fit is not None:
            request = _prepare(request, fit)
        if own is not None:
            request = _prepare(request, own)
        base = request.base_url
        if base not in checked:
            if request.url.startswith(root + path):  # not where a provider corrects it
                refuse_endpoint(request, wire, provider.wires, provider.base_url_env)
            checked.put(base, True)
        if "?" in base or "#" in base:  # after what looks at the end of the URL
            request = request.replace(url=with_query_last(request.url, base))
        # Last, since the credential may hold an address that the environment does not have.
        return (
            request.replace(url=filled(request.url, environment_of(request), request.credential))
            if "${" in base
            else request
        )

    return on_request("prepare_request", prepare_request)


def _prepare(request: Request, own: Callable[[Request], Request]) -> Request:
    """Run the provider's prepare_request, and keep track of the options that it changes."""
    original = request.options
    try:
        prepared = own(request)
    except StepwellError:
        raise
    except Exception as error:
        raise StepError(
            f"prepare_request raised {type(error).__name__} for {request.model}: {error}",
            hint="raise an UnknownModel there for an id that it cannot use",
        ) from error
    if type(prepared) is not Request:
        raise StepError(f"prepare_request returned {type(prepared).__name__} instead of a Request")
    if prepared.options is original:
        return prepared
    return prepared.replace(options=original).with_options(prepared.options)


def translation(provider: Provider, model: Model, wire: Wire, rules: Rules) -> Step:
    """Make the step that translates the options by the provider's rules, and drops what its wire cannot encode."""
    encodable = wire.options | provider.options.keys()
    takes_logprobs = encodable >= {"logprobs", "top_logprobs"}
    canonical = OPERATION_OPTIONS.get(wire.operation, {})
    longest = model.max_output_tokens if model.known else None
    is_trusted_url = trusted_url(provider, model)
    is_pure = not callable(rules) and all(map(is_packaged, rules))
    acts_without_options = not is_pure or any(translate(rules, {}, model, "warn"))
    translated = Memo[Any, tuple[Mapping[str, Any], tuple[CallWarning, ...]]](MOST)

    def translate_options(request: Request) -> Request:
        if request.context.tools and "tools" not in encodable:
            losses = [("tools", f"{provider.id} takes no tools")]
            request = warn_of_dropped(request, losses, context=request.context.with_tools())
        if not provider.json_with_tools and request.context.tools and "response_format" in request.options:
            request = no_json_with_tools(request)
        if not request.options and not acts_without_options:
            return request
        if not DEPENDENT.isdisjoint(request.options):
            request = fit_combinations(request)
        warnings, key = request.warnings, None
        if is_pure and request.model is model:
            key = (scalars_key(request.options), request.on_unsupported)
            if (known := translated.get(key)) is not None:
                return request.translated(dict(known[0]), warnings + known[1])
        options = dict(request.options)
        if longest is not None and options.get("max_tokens", 0) > longest and is_trusted_url(request.base_url):
            losses = [
                ("max_tokens", f"{options['max_tokens']} became {longest}, the highest in our list for this model")
            ]
            warnings += report_dropped(losses, request.model, request.on_unsupported)
            options["max_tokens"], key = longest, None
        options, more = translate(rules, options, request.model, request.on_unsupported)
        if "top_logprobs" in options and takes_logprobs:
            options.setdefault("logprobs", True)  # refused without it
        # Only canonical names are checked: a name that a rule has made is the provider's own.
        lost = [name for name in options if name in canonical and name not in encodable]
        if lost:
            losses = [(name, _why_lost(name, provider, wire)) for name in lost]
            more += report_dropped(losses, request.model, request.on_unsupported)
            options = {name: value for name, value in options.items() if name not in lost}
        if key is not None and key[0] is not None and scalars_key(options) is not None:
            keep(translated, key, request.options, (options, more))
        return request.translated(dict(options), warnings + more)

    return on_request("translate_options", translate_options)


def _why_lost(name: str, provider: Provider, wire: Wire) -> str:
    """Say that a provider has no such option, or over which wire it has it."""
    for each in provider.wires:
        if each.operation == wire.operation and name in each.conversation_id_options:
            return f"{provider.id} has it over {each.name} alone: pass wire={each.name!r}"
    return f"{provider.id} has no such option"
