from __future__ import annotations

import hashlib
import hmac

import pytest

from alligator import Gator, MessageError, OptionError
from alligator_core.signing import Signer, secrets_of

from . import jobs

OLD, NEW = "an old secret of ours", "a new secret of ours"


def signature_of(secret: str, serializer: str, queue: str, payload: bytes) -> bytes:
    """As the page of the wire format says it, by the standard library."""
    queue_bytes = queue.encode()
    head = f"alligator 1\n{len(serializer)}:{serializer}\n{len(queue_bytes)}:".encode() + queue_bytes + b"\n"
    return hmac.new(secret.encode(), head + payload, hashlib.sha256).hexdigest().encode()


@pytest.mark.parametrize("secret", [NEW, "ä" * 32, "k" * 64, "k" * 65, "k" * 1000])
@pytest.mark.parametrize("payload", [b"", b"{}", bytes(range(256)) * 100])
def test_a_signature_is_the_hmac_of_serializer_queue_and_payload(secret: str, payload: bytes) -> None:
    signer = Signer([secret])
    for queue in ("all", "größer", "all"):
        assert signer.sign("json", queue, payload) == signature_of(secret, "json", queue, payload)
        assert signer.verify("json", queue, payload, signer.sign("json", queue, payload))


def test_more_queues_than_are_remembered_are_signed_as_well() -> None:
    signer = Signer([NEW])
    for number in range(1100):
        assert signer.sign("json", f"q{number}", b"x") == signature_of(NEW, "json", f"q{number}", b"x")


def test_the_first_secret_signs_and_all_verify() -> None:
    signer, old = Signer([NEW, OLD]), Signer([OLD])
    assert signer.sign("json", "all", b"x") == Signer([NEW]).sign("json", "all", b"x")
    assert signer.verify("json", "all", b"x", old.sign("json", "all", b"x"))
    assert not old.verify("json", "all", b"x", signer.sign("json", "all", b"x"))


@pytest.mark.parametrize("other", [("jso", "nall"), ("json", "al"), ("json2", "all"), ("json", "all\n1")])
def test_what_is_signed_for_one_serializer_and_queue_is_wrong_for_any_other(other: tuple[str, str]) -> None:
    signer = Signer([NEW])
    assert not signer.verify(*other, b"x", signer.sign("json", "all", b"x"))


@pytest.mark.parametrize("change", [bytes.upper, bytes.__add__, lambda it: it[:-1], lambda it: b"", lambda it: b"\xff"])
def test_a_signature_can_be_written_in_one_way_only(change: object) -> None:
    signer = Signer([NEW])
    signature = signer.sign("json", "all", b"x")
    changed = signature + b"0" if change is bytes.__add__ else change(signature)  # type: ignore[operator]
    assert not signer.verify("json", "all", b"x", changed)


@pytest.mark.parametrize(
    ("given", "secrets"),
    [
        (NEW, [NEW]),
        (f"{NEW},{OLD}", [NEW, OLD]),
        (f" {NEW} , {OLD}\n", [NEW, OLD]),
        ([NEW, OLD], [NEW, OLD]),
        ((f"{NEW}\n",), [NEW]),
        ([], []),
    ],
)
def test_secrets_are_a_text_with_commas_or_a_list(given: str | list[str], secrets: list[str]) -> None:
    assert list(secrets_of(given, {"ALLIGATOR_SECRET": "ignored"})) == secrets


def test_without_any_they_come_from_the_environment() -> None:
    assert secrets_of(None, {"ALLIGATOR_SECRET": f"{NEW},{OLD}"}) == (NEW, OLD)
    assert secrets_of(None, {}) == ()


@pytest.mark.parametrize("given", ["short", "", f"{NEW},short", f"{NEW},", ["short", NEW], [f"{NEW},x"], [f"a\0{NEW}"]])
def test_a_secret_that_is_short_or_holds_a_comma_is_refused_and_not_shown(given: str | list[str]) -> None:
    with pytest.raises(OptionError, match=r"secret=: secret \d of \d .*") as caught:
        Gator("locmem://", secret=given)
    assert "short " not in str(caught.value)
    assert NEW not in str(caught.value)


@pytest.mark.parametrize("given", [b"bytes of some length", [b"bytes of some length"], 5, {NEW: 1}])
def test_a_secret_that_is_no_text_is_refused_and_not_shown(given: object) -> None:
    with pytest.raises(OptionError, match="secret= takes text, or a list of texts") as caught:
        Gator("locmem://", secret=given)  # type: ignore[arg-type]
    assert "bytes of" not in str(caught.value)


def test_an_empty_variable_is_an_error_rather_than_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_SECRET", "")
    with pytest.raises(OptionError, match="ALLIGATOR_SECRET: secret 1 of 1 is shorter than 16 bytes"):
        Gator("locmem://")


def test_every_gator_takes_the_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLIGATOR_SECRET", NEW)
    body = Gator("locmem://").codec.encode(Gator("locmem://").task(jobs.note, 1))
    assert Gator("locmem://", secret=NEW).codec.decode(body, "all").args == [1]
    assert Gator.from_env({"ALLIGATOR_CONN": "locmem://", "ALLIGATOR_SECRET": NEW}).codec.read(body, "all").args == [1]
    for unsigned in (Gator("locmem://", secret=[]), Gator.from_env({"ALLIGATOR_CONN": "locmem://"})):
        with pytest.raises(MessageError, match="It is signed, and this worker has no secret"):
            unsigned.codec.read(body, "all")


def test_a_message_names_its_signature_on_the_first_line() -> None:
    gator = Gator("locmem://", secret=[NEW, OLD])
    first_line, _, payload = gator.codec.encode(gator.task(jobs.note, 1)).partition(b"\n")
    assert first_line == b"json;sig=" + signature_of(NEW, "json", "all", payload)
