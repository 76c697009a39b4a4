"""Run a Program on either engine."""

from __future__ import annotations

from accelsim.engine.program import Program
from accelsim.engine.schedule import Schedule
from accelsim.errors import unknown_name

ENGINES = ("compiled", "reference")


def run(program: Program, engine: str = "compiled", record_requests: bool = False) -> Schedule:
    """Check a Program and run it.

    Parameters
    ----------
    program : Program
        The tasks; checked here unless it was checked before.
    engine : str
        "compiled" (Numba, for work) or "reference" (SimPy, for reading); both give the same
        Schedule to the picosecond.
    record_requests : bool
        Fill `Schedule.request_finish`: 8 bytes for every line requested.

    Raises
    ------
    ProgramError
        The Program breaks a rule.
    InputError
        There is no such engine.
    DeadlockError
        The engine stopped before every task had finished.
    """
    program.check()
    # Imported here: each engine pulls in its own heavy library.
    if engine == "compiled":
        from accelsim.engine.compiled import run_compiled

        return run_compiled(program, record_requests)
    if engine == "reference":
        from accelsim.engine.reference import run_reference

        return run_reference(program, record_requests)
    raise unknown_name("engine", engine, ENGINES)
