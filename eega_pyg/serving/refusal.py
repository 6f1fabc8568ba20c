r"""Requests that are not answered, and why."""
import math
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from starlette.responses import JSONResponse


class Wrong(NamedTuple):
    r"""What is wrong with an item.

    Args:
        item (int): Its position.
        reason (str): Which field is wrong, and how.
    """
    item: int
    reason: str


class Refusal(Exception):
    r"""Raised where a request is refused.

    Args:
        status (int): The status of HTTP.
        detail (str): Why, in one line, and what to do.
        wrong (sequence of Wrong, optional): Each item that is wrong.
        retry_after (float, optional): Seconds after which it may be asked again.
    """
    def __init__(self, status: int, detail: str, wrong: Sequence[Wrong] = (),
                 retry_after: Optional[float] = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.wrong: List[Wrong] = list(wrong)
        self.retry_after = retry_after

    def response(self, headers: Optional[Mapping[str, str]] = None) -> JSONResponse:
        r"""What the client is told."""
        content: Dict[str, Any] = {'detail': self.detail}
        if self.wrong:
            content['errors'] = [wrong._asdict() for wrong in self.wrong]
        headers = dict(headers or {})
        if self.status in (408, 413):  # The rest of the request may be to come.
            headers['Connection'] = 'close'
        if self.retry_after is not None:
            headers['Retry-After'] = str(min(60, max(1, math.ceil(self.retry_after))))
        return JSONResponse(content, self.status, headers)
