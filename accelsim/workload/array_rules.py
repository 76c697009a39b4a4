"""STUB."""
import numpy as np
class ArrayRule: ...
class _F:
    def __init__(self, fields): self._f = fields
    def parameter_fields(self): return dict.fromkeys(self._f)
_R={"route_zipf":("tokens","experts","top_k","seed","alpha_permille","repeat_permille","capacity_permille"),
"route_grouped":("tokens","experts","top_k","seed","alpha_permille","groups","kept_groups"),
"rows_zipf":("n","table_rows","seed","exponent_permille"),
"rows_pairs":("samples","active","features","seed","exponent_permille"),
"rows_union":("workers","elements","keep_permille","overlap_permille","seed")}
def find_array_rule(n): return _F(_R[n])
def make_array_rule(n,p):
    rng=np.random.default_rng(p["seed"]%2**32)
    if n.startswith("route"):
        return np.argsort(rng.random((p["tokens"],p["experts"])),axis=1)[:,:p["top_k"]].astype(np.int16)
    if n=="rows_zipf": return rng.integers(0,p["table_rows"],p["n"]).astype(np.int32)
    if n=="rows_pairs": return rng.integers(0,p["features"]*(p["features"]-1)//2,p["samples"]*p["active"]*(p["active"]-1)//2).astype(np.int32)
    return np.concatenate([np.sort(rng.choice(p["elements"],max(1,p["elements"]*p["keep_permille"]//1000),replace=False)) for _ in range(p["workers"])]).astype(np.int32)
