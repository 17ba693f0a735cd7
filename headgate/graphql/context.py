"""What one operation works with."""

from dataclasses import dataclass, field

import strawberry

from headgate.domain.appender import Appender
from headgate.domain.permissions import Principal
from headgate.domain.ports import Links
from headgate.domain.services import Services
from headgate.domain.tolls import Bill
from headgate.errors import Unauthenticated
from headgate.graphql.loaders import Loaders


@dataclass
class Context:
    """Who asks, and the means to answer: sessions come from the services, one each time, never shared.

    `caller` is None where nobody has shown who they are; only fields that are open to everybody are run for them.
    `address` is where they come from, as an IP address; None where that is not known.
    `resume_after` is the cursor that a reconnecting client named outside of its document: a subscription starts
    behind it unless its arguments say otherwise. It sets `cursor` before each event that it can resume from.
    `bill` is what the operation pays; None where nobody counts. `appender` takes records.
    """

    services: Services
    links: Links
    caller: Principal | None
    request_id: str
    address: str | None = None
    resume_after: str | None = None
    cursor: str | None = None
    bill: Bill | None = None
    appender: Appender | None = None
    _loaders: Loaders | None = field(init=False, default=None)

    @property
    def principal(self) -> Principal:
        """Who asks; raises Unauthenticated where nobody knows."""
        if self.caller is None:
            raise Unauthenticated
        return self.caller

    @property
    def loaders(self) -> Loaders:
        """What loads rows, and remembers them."""
        if self._loaders is None:
            self._loaders = Loaders(self.services)
        return self._loaders

    def forget(self) -> None:
        """Drop every row that was loaded: the next event of a subscription reads anew."""
        self._loaders = None


Info = strawberry.Info[Context, None]
