"""Shim."""
from dataclasses import dataclass
import numpy as np
from views.graph.layout import layered as old
from views.graph.placing import Block

@dataclass(frozen=True, eq=False)
class Layout:
    corners: np.ndarray
    width: float
    height: float
    trunk_points: np.ndarray
    trunk_start: np.ndarray
    tail_points: np.ndarray
    tail_start: np.ndarray
    trunk: np.ndarray
    shared: np.ndarray
    is_reversed: np.ndarray

def layered(blocks, edges, heads):
    bl=[Block(*row) for row in blocks.tolist()]
    el=[tuple(e) for e in edges.tolist()]
    lay=old(tuple(bl), tuple(e for e in el if e[0]!=e[1]), tuple(heads.tolist()))
    pts=[];start=[0]
    for e in el:
        r=lay.routes.get(e,()) if e[0]!=e[1] else (lay.corners[e[0]],)
        pts+=list(r); start.append(len(pts))
    m=len(el)
    return Layout(np.array(lay.corners).reshape(-1,2),lay.width,lay.height,np.zeros((0,2)),np.zeros(len(bl)+1,np.int64),np.array(pts).reshape(-1,2),np.array(start,np.int64),edges[:,0].copy(),np.zeros(m,np.int64),np.zeros(m,bool))
