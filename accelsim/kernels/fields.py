"""The matrices of the compiled engine: what each column (or row) of its state holds.

Numba compiles named tuples of many arrays far slower than a few matrices, so the state is one
int64 matrix for each kind of thing, and these names are its columns. Per-task matrices are turned
round, one row a field, so that a row is a finished array of the Schedule. Times in ps.
"""

# result[., task]: the arrays of a Schedule. Fresh pages are dear, so until a value is known its row
# holds what leads to it.
(
    READY,  # before: -1 - (unfinished predecessors + lines in which the task is not the head)
    GRANT,  # -1 before
    START,  # -1 before
    FINISH,  # -1 before; of reads -1 - (lines not back, plus one until all are issued)
    SERVER_FREE,  # before the start: last finish of a predecessor so far, or -1
    CAUSE,  # before the start: the task to blame for the grant, or -1
    BLAME,  # before the start: the highest predecessor that finished last, or -1
    BANK_STALL,
    LAST_BACK,  # completion of the line that came back last, with trains
    RESULT_ROWS,
) = range(10)

# counts[., task], zeros that are only touched where there is something to count
ACTIVATES, MERGED, COUNTS = range(3)

# READY of a task that is not ready, but has nothing to wait for except bytes.
WAITS_FOR_NOTHING = -1

# CAUSE: the numbers of `accelsim.engine.program.Cause`.
NONE, DEPENDENCY, BUFFER, SERVER, TURN = range(5)

# claims[claim, .]
CLAIM_BUFFER, CLAIM_BYTES, CLAIM_LEFT, CLAIM_COLUMNS = range(4)  # left: unfinished releasers

# units[unit, .]
(
    U_SERVERS,
    U_LIMITED,  # 0: unlimited servers
    U_IN_ORDER,
    U_EXPRESS,  # 1 if only its clock can hold a ready task up
    U_CLOCK,
    U_EDGE,  # place in scalars of its clock, see there
    U_PORT,  # -1 for none
    U_BUSY,
    U_RELEASED_AT,  # last release of a server ...
    U_RELEASED_BY,  # ... and the highest task that released one then
    U_STOPPED_FULL,  # last release that ended being full ...
    U_STOPPED_FULL_BY,  # ... and the highest task that released a server then
    U_PREVIOUS,  # last task started
    U_AT_EDGE,  # 1 if it looks for tasks at the next edge of its clock ...
    U_NEXT_AT_EDGE,  # ... as does this unit, -1 for none
    U_DIRTY,
    U_STACK,  # entry of the stack of dirty units
    U_QUEUE,  # its part of queue: IN_ORDER its tasks, READY_FIRST a heap
    U_QUEUE_END,
    U_NEXT,  # IN_ORDER: next entry of queue to start
    U_QUEUED,  # READY_FIRST: entries of the heap
    U_COLUMNS,
) = range(22)

# buffers[buffer, .]
(
    B_FREE,
    B_HEAD,  # place in line of the first task not yet granted
    B_LINE_END,
    B_DIRTY,
    B_STACK,  # entry of the stack of dirty buffers
    B_COLUMNS,
) = range(6)

# chips[chip, .]: see `accelsim.engine.program.Dram`. A shift is the logarithm of a power of two,
# or -1; the mask clears the offset in a line, 0 if lines are no power of two.
(
    D_FIRST_CHANNEL,
    D_CHANNELS,
    D_CHANNEL_SHIFT,
    D_LINE,
    D_LINE_MASK,
    D_INTERLEAVE,
    D_INTERLEAVE_SHIFT,
    D_ROW,
    D_ROW_SHIFT,
    D_BANKS,
    D_BANK_SHIFT,
    D_CLOCK,
    D_BURST,
    D_ACTIVATE,
    D_ROW_HIT,
    D_ROW_MISS,
    D_RETURN,
    D_PERMUTE,
    D_FIRST_PORT,
    D_PORT_END,
    D_COLUMNS,
) = range(21)

# channels[channel, .]
(
    C_CHIP,
    C_SLOTS,  # free and not reserved
    C_WAITING,  # ports that wait for a slot
    C_LAST_GIVEN,  # port that last got a slot by waiting
    C_HEAD,  # lines that have left the queue
    C_TAIL,  # lines that have entered it
    C_BASE,  # entry k of the queue lies at base + (k & mask) in slots
    C_MASK,
    C_BANK,  # its first bank in open_row
    C_BUS_FREE,
    C_LAST_ACTIVATE,
    C_LINES,
    C_ACTIVATES,
    C_WRITES,
    C_COLUMNS,
) = range(15)

# slots[entry, .]: a line in the queue of a channel
S_DONE, S_TASK, S_POSITION, S_COLUMNS = range(4)

# ports[port, .]: the request side of a memory unit
(
    P_UNIT,
    P_SOURCE,  # its place in the agenda tree
    P_CHIP,
    P_CLOCK,
    P_OUTSTANDING,
    P_ISSUE,
    P_BEAT,  # time of one line on the return path
    P_CROSSING,
    P_IS_WRITE,
    P_IN_FLIGHT,
    P_RETURN_FREE,
    P_ACTIVE,  # first task with unissued lines, -1 for none
    P_LAST_ACTIVE,
    P_RUN,  # its next line: run, piece in the run, line, last line of the piece ...
    P_PIECE,
    P_LINE,
    P_LAST_LINE,
    P_POSITION,  # ... and number of the line in the task
    P_WAITS_ON,  # channel, -1 for none
    P_PROMISED,  # 1 if a slot of the channel it waited for is reserved
    P_STARVED,  # 1 if out of credit, and no completion is known yet
    P_ARRIVE,  # last DRAM edge reached
    P_HEAD,  # completions taken as credit; the others lie in completions as slots do
    P_TAIL,
    P_BASE,
    P_MASK,
    P_BANK,  # its first bank in bank_free
    P_BANKS,  # 0 for none
    P_BANK_BYTES,
    P_BANK_QUEUE,
    P_LATENCY,  # sum over its reads of issue to completion
    P_NEXT_ISSUE,  # it issues nothing before: a train takes as many cycles as its lines
    P_TRAIN_WAITS,  # 1 if it issues nothing until it has the credits of a train
    P_SINGLES,  # its reads on their way to the channels and there, trains apart
    P_LAST_SINGLE,  # when the last of its writes that no train took completes
    P_COLUMNS,
) = range(36)

# Places in scalars. Two for each different clock follow: the last edge that was asked for, and the
# first unit that waits for it, -1 for none.
(
    HEAP_SIZE,
    AGAIN_END,
    EXPRESS_END,
    DIRTY_UNITS,
    DIRTY_BUFFERS,
    FINISHED_AT,  # last instant at which a task finished ...
    FINISHED_BY,  # ... and the highest that did
    FIRST_EDGE,
) = range(8)

# An entry of the agenda is task * 4 + what it does.
TRAIN_IS_BACK, FINISHES, RELEASES, FINISHES_AND_RELEASES = range(4)
