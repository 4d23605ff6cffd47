"""The contract of a backend, one module per noun, put together as `BackendContract`."""

from .body import BodyContract
from .cancel import CancelContract
from .concurrency import ConcurrencyContract
from .dead import DeadLetterContract
from .death import DeathContract
from .delay import DelayContract
from .fence import FenceContract
from .holder import HolderContract
from .lease import LeaseContract
from .lookup import GetContract, PeekContract
from .name import NameContract
from .option import OptionContract
from .priority import PriorityContract
from .process import ProcessContract
from .purge import PurgeContract
from .push import PushContract, RepeatContract
from .reopening import ReopeningContract
from .reserve import ReserveContract
from .returning import ReturningContract
from .settle import SettleContract
from .size import SizeContract
from .stop import StopContract
from .takeover import TakeOverContract
from .transaction import TransactionContract
from .waking import WakingContract

__all__ = ["BackendContract"]


class BackendContract(
    PushContract,
    RepeatContract,
    ReserveContract,
    WakingContract,
    SettleContract,
    ReturningContract,
    LeaseContract,
    FenceContract,
    TakeOverContract,
    DeathContract,
    HolderContract,
    ConcurrencyContract,
    ProcessContract,
    ReopeningContract,
    DelayContract,
    PriorityContract,
    CancelContract,
    StopContract,
    GetContract,
    PeekContract,
    PurgeContract,
    DeadLetterContract,
    SizeContract,
    TransactionContract,
    BodyContract,
    NameContract,
    OptionContract,
):
    """All that a backend has to prove. Subclass it as `Test…` and give it a `dsn`, an attribute or a fixture.

    A feature that the backend doesn't declare is tested too: its use must be refused. `lease` and `delay` are the
    seconds that tests wait for: raise them for a store that knows only longer ones, lower them to be done sooner.
    """
