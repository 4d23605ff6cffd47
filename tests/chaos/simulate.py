"""Run simulations: `python -m tests.chaos.simulate [--backend locmem] [--seeds 2000] [--seed N]`."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from types import ModuleType

from alligator_core.gator import Gator

from .ledger import Violation
from .simulation import Simulation
from .virtual_clock import VirtualClock, ticking


@dataclass(frozen=True, slots=True)
class Simulated:
    """A backend that can be simulated: its DSN, which of the clock's hands it decides by, where its modules are."""

    dsn: str
    hand: str
    modules: str

    def watches(self) -> list[ModuleType]:
        """Return its modules that look at a clock."""
        mine = [module for name, module in sys.modules.items() if name.startswith(self.modules)]
        return [module for module in mine if getattr(module, "time", None) is time]


BACKENDS = {
    "locmem": Simulated("locmem://", "monotonic", "alligator_core.locmem"),
    "sqlite": Simulated("sqlite:///{folder}/queue.db", "time", "alligator_sqlite"),
}


def simulate(backend: str, seed: int) -> Simulation:
    """Run one simulation. Raises Violation, with the trace and the command that repeats it."""
    simulated, clock = BACKENDS[backend], VirtualClock()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        store = Gator(simulated.dsn.format(folder=folder), plugins=[]).backend
        stack.enter_context(ticking(clock, simulated.watches()))
        simulation = Simulation(seed, store, clock, getattr(clock, simulated.hand))
        try:
            simulation.run()
        except Exception as exc:
            again = f"python -m tests.chaos.simulate --backend {backend} --seed {seed}"
            raise Violation("\n".join([*simulation.trace, f"{type(exc).__name__}: {exc}", again])) from exc
        finally:
            simulation.close()
    return simulation


def main() -> int:
    """Run many seeds, or one, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.simulate")
    parser.add_argument("--backend", choices=BACKENDS, default="locmem")
    parser.add_argument("--seeds", type=int, default=2000, help="how many; default 2000")
    parser.add_argument("--seed", type=int, help="only this one, with its trace if it fails")
    options = parser.parse_args()
    bad = []
    for seed in range(options.seeds) if options.seed is None else [options.seed]:
        try:
            simulate(options.backend, seed)
        except Violation as exc:
            bad.append(seed)
            print(exc if options.seed is not None else f"{seed}: {str(exc).splitlines()[-2]}")
    print(f"{len(bad)} seeds with violations{f', such as {bad[:10]}' if bad else ''}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
