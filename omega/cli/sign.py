"""`sign`, `verify` and `key`: manifests under a signature, and the keys to sign with."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import App, Parameter

from bus.apikeys import lifetime as span_of
from bus.keyfiles import add_trusted, new_key, public_part, read_signing_key, write_private
from bus.names import DEFAULT_INSTANCE
from bus.signing import SignedManifest, Terms, sign_manifest, verify_manifest, verify_token
from bus.trail import rfc3339
from bus.truststore import IDS, TrustStore, public_set
from omega.cli.errors import naming_errors
from omega.cli.options import Json
from omega.cli.output import note, show, show_json
from omega.cli.words import shown
from omega.trouble import WrongUse

key = App(name="key", help="Make a key to sign manifests with.", default_parameter=None)

Input = Annotated[str, Parameter(allow_leading_hyphen=True)]
Store = Annotated[Path, Parameter(name="--trust-store", env_var="OMEGA_TRUST_STORE")]


def sign(
    file: Input,
    /,
    *,
    key: Path,
    kid: str | None = None,
    lifetime: str = "1h",
    epoch: int | None = None,
    instance: str = DEFAULT_INSTANCE,
) -> None:
    """Sign a manifest, and print what `omega register` takes.

    Parameters
    ----------
    file
        A manifest in JSON; - reads stdin.
    key
        The private key: a JWK or PEM, in a file that only you may read.
    kid
        The key's name in the trust store. Unset: the one in the file, else its thumbprint.
    lifetime
        How long the signature holds: 30m, 12h, 7d.
    epoch
        Which life of the member: a later one replaces an earlier. Unset: now, in milliseconds.
    instance
        Which copy of the member it is for, where a member has several.
    """
    manifest = _read(file)
    now = time.time()
    with naming_errors():
        span = span_of(lifetime)
        if span is None:
            raise WrongUse("--lifetime: a signature ends: 30m, 12h, 7d")
        terms = Terms(int(now * 1000) if epoch is None else epoch, now, span.total_seconds(), instance)
        token = sign_manifest(manifest, read_signing_key(key, kid), terms)
    sys.stdout.write(orjson.dumps({"signed": token}).decode() + "\n")


def verify(file: Input, /, *, trust_store: Store, json: Json = False) -> None:
    """Check a signed manifest: who signed it, and that nothing was changed.

    Parameters
    ----------
    file
        What `omega sign` printed, a bare token, or a manifest as the directory serves it; - reads stdin.
    trust_store
        The keys that are trusted: a JWKS file or a folder of them.
    """
    given = _text(file)
    with naming_errors():
        found = _checked(given, TrustStore.load(trust_store), file)
    tell_signed(found, as_json=json)


@key.command(name="new")
def new(
    *,
    id: Annotated[tuple[str, ...], Parameter(name="--id", negative="", consume_multiple=False)],
    alg: str = "ES256",
    kid: str | None = None,
    out: Path | None = None,
    trust_store: Annotated[Path | None, Parameter(name="--trust-store", env_var="OMEGA_TRUST_STORE")] = None,
    json: Json = False,
) -> None:
    """Make a key to sign with, in a file that only you may read, and the entry that has it trusted.

    Parameters
    ----------
    id
        The id it may sign for; with a * at the end, every id that begins so. Several times for several.
    alg
        ES256, RS256, EdDSA or Ed25519.
    kid
        Its name. Unset: the first id and the time.
    out
        The file for the private key, which must not be there yet. Unset: KID.key.json, here.
    trust_store
        Where to add the public key: a JWKS file or a folder. Unset: the entry is printed.
    """
    name = kid or f"{id[0].rstrip('*').rstrip('-_') or 'all'}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    path = out or Path(f"{name}.key.json")
    with naming_errors():
        made = new_key(name, alg)
        public = public_part(made, list(id))
        write_private(path, made)
        stored = None if trust_store is None else add_trusted(trust_store, public)
    if json:
        show_json({"kid": name, "key": str(path), "trust_store": stored and str(stored), "entry": public})
        return
    note(f"{path}: the private key {name}; keep it where only the member can read it")
    if stored is None:
        sys.stdout.write(public_set([public]).decode())
    else:
        show(shown(f"{stored}: trusts {name} for {', '.join(public[IDS])}"))


def tell_signed(found: SignedManifest, *, as_json: bool) -> None:
    """Print who signed, and until when it holds."""
    told = {
        "id": found.member,
        "instance": found.instance,
        "key": found.kid,
        "algorithm": found.algorithm,
        "epoch": found.epoch,
        "signed_at": rfc3339(found.iat),
        "expires": rfc3339(found.exp),
    }
    if as_json:
        show_json({"status": "verified", **told})
    else:
        show(shown(f"verified: {found.member} is signed with {found.kid} ({found.algorithm}) until {told['expires']}"))


def _checked(given: str, store: TrustStore, file: str) -> SignedManifest:
    """Raises what is wrong with it, WrongUse."""
    if not given.lstrip().startswith("{"):
        return verify_token(given.strip(), store, now=time.time())
    value = _object(given, file)
    if value.keys() == {"signed"}:
        return verify_token(str(value["signed"]), store, now=time.time())
    return verify_manifest(value, store)


def _read(file: str) -> dict[str, Any]:
    value = _object(_text(file), file)
    if value.keys() == {"signed"}:
        raise WrongUse(f"{file}: this is signed already")
    return value


def _object(text: str, file: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as exc:
        raise WrongUse(f"{file} is not JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise WrongUse(f"{file}: a manifest is a JSON object")
    return value


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except OSError as exc:
        raise WrongUse(f"{file}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise WrongUse(f"{file} is not text") from exc
