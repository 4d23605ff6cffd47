"""What can go wrong with SQS, and the error that says so."""

from __future__ import annotations

from typing import Final

from botocore import exceptions as boto  # type: ignore[import-untyped]

from alligator_core.errors import BackendError, BackendUnavailable

MISSING: Final = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException"})
KEY_DENIED: Final = frozenset({"KMS.AccessDeniedException", "KmsAccessDenied"})
BUSY: Final = frozenset(
    {
        "KMS.ThrottlingException",
        "KmsThrottled",
        "OverLimit",
        "RequestThrottled",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
"""Refusals that pass: nothing was done."""
SOON: Final = frozenset({"AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently"})
WRONG_KEY: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
STALE: Final = frozenset(
    {
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
    }
)
"""What SQS says of a receipt handle that is no longer good."""

# Batches are allowed under the name of what they are batches of.
RIGHTS: Final = {
    "change_message_visibility_batch": "sqs:ChangeMessageVisibility",
    "create_queue": "sqs:CreateQueue",
    "delete_message_batch": "sqs:DeleteMessage",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "get_queue_url": "sqs:GetQueueUrl",
    "receive_message": "sqs:ReceiveMessage",
    "send_message_batch": "sqs:SendMessage",
}
"""What each call has to be allowed by IAM."""


class MissingQueue(BackendError):
    """A queue doesn't exist, or no longer. `queue` is its name in SQS."""

    def __init__(self, queue: str, shown: str) -> None:
        self.queue = queue
        super().__init__(
            f"{shown}: there is no queue {queue!r} in this region that these credentials may see. Create it, "
            "or let it be created where it is missing: add create=yes to the DSN (it needs the right to "
            "sqs:CreateQueue)."
        )


class NoPlace(MissingQueue):
    """A queue's dead letters have no place to go to."""

    def __init__(self, queue: str, name: str, shown: str) -> None:
        super().__init__(name, shown)
        said = (
            f"{shown}: the queue {queue!r} has nowhere to put dead letters. Create the queue {name!r}, give it a "
            "redrive policy, or add create=yes to the DSN."
        )
        self.args = (said,)


def code_of(exc: BaseException) -> str:
    """Return the code of SQS's answer, "" if there was none."""
    return str(exc.response.get("Error", {}).get("Code", "")) if isinstance(exc, boto.ClientError) else ""


def status_of(exc: BaseException) -> int:
    """Return the HTTP status of the answer, 0 if there was none."""
    if not isinstance(exc, boto.ClientError):
        return 0
    return int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def passes(exc: BaseException, *, repeat: bool) -> bool:
    """Say whether to try the same again: where nothing was done, or where doing it twice does no harm (`repeat`)."""
    if code_of(exc) in BUSY or status_of(exc) == 503:
        return True
    if isinstance(exc, (boto.EndpointConnectionError, boto.ConnectTimeoutError)):
        return True
    return repeat and (status_of(exc) >= 500 or _is_lost(exc))


def explained(exc: BaseException, action: str, queue: str, shown: str) -> BackendError:
    """Return the error to raise instead."""
    code, where = code_of(exc), f"{shown}: {RIGHTS[action].removeprefix('sqs:')} on {queue!r}"
    if code in MISSING:
        return MissingQueue(queue, shown)
    if code in DENIED:
        return BackendError(f"{where} is denied: allow {RIGHTS[action]} on this queue (IAM, or its own policy).")
    if code in KEY_DENIED:
        return BackendError(
            f"{where} is denied by the key that the queue is encrypted with: allow kms:Decrypt and kms:GenerateDataKey "
            f"on it. ({_said(exc)})"
        )
    if code in BUSY | SOON or status_of(exc) >= 500:
        maybe = status_of(exc) >= 500 and status_of(exc) != 503
        return BackendUnavailable(f"{where} is not possible just now: {_said(exc)}", maybe_applied=maybe)
    if code in WRONG_KEY:
        return BackendError(f"{where} failed, because the credentials are not valid there: {_said(exc)}")
    if isinstance(exc, (boto.EndpointConnectionError, boto.ConnectTimeoutError)):
        return BackendUnavailable(f"{where} failed: SQS can't be reached there (nothing was sent): {exc}")
    if _is_lost(exc):
        return BackendUnavailable(
            f"{where} failed: the answer was lost, it may have happened: {exc}", maybe_applied=True
        )
    if isinstance(exc, _NO_KEY):
        return BackendError(
            f"{where} failed, because there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name "
            f"a profile (profile= or AWS_PROFILE), or give this machine a role. ({exc})"
        )
    if isinstance(exc, boto.NoRegionError):
        return BackendError(f"{shown} names no region, and neither does the environment: sqs://us-west-2/, say.")
    return BackendError(f"{where} was refused: {_said(exc)}")


_NO_KEY: Final = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)


def _is_lost(exc: BaseException) -> bool:
    return isinstance(exc, (boto.HTTPClientError, boto.ResponseStreamingError)) or (
        # What no SQS says, but a proxy in its stead.
        type(exc).__name__ == "ResponseParserError"
    )


def _said(exc: BaseException) -> str:
    if isinstance(exc, boto.ClientError):
        return f"{code_of(exc)}: {exc.response.get('Error', {}).get('Message', '')}"
    return str(exc)
