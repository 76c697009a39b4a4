"""What a dataflow kernel says of each work item: the columns of its table.

A work item is what one PE (or one array, where all PEs work in step) does without being told
anything new: an output row, a column of the left operand, a tile. Kernels fill
``items : int64[n, ITEM_COLUMNS]``; `accelsim.kernels.balance` shares the items out among PEs.

========  ==================================================================================
CYCLES    the item holds its PE for so long
MACS      effectual multiplications: both operands nonzero, and under SDDMM the output kept
ISSUED    multiplications executed, zeros that are not skipped included
READS_A   elements of the left operand read from the scratchpad
READS_B   elements of the right operand read, without any sharing between PEs
PARTIALS  partial sums that leave the PE, each of which is read back once
OUTPUTS   nonzeros of C that the item completes (structural: no cancellation)
COMPARES  comparisons of coordinates: steps of an intersection, of merging, probes of a table
SUMS      writes and reads of partial sums inside the PE: a write for each sum that is added to
          storage, a read where there was one before; results that leave are not counted
========  ==================================================================================
"""

CYCLES, MACS, ISSUED, READS_A, READS_B, PARTIALS, OUTPUTS, COMPARES, SUMS, ITEM_COLUMNS = range(10)
