"""Symmetric decimation: half-edge collapses on the left half, so that every kept vertex stays a base vertex.

An edge's cost is Garland and Heckbert's quadric error (SIGGRAPH 1997) plus a share of its length.
"""

from __future__ import annotations

import heapq
import math

import numpy as np

LENGTH_WEIGHT = 0.02
"""Share of an edge's squared length in its cost, which makes the mesh more even in flat regions."""
MIN_NORMAL_COSINE = 0.5
"""A collapse may not turn any triangle by more than 60 degrees."""
MIN_QUALITY = 0.25
"""Minimum of 4 sqrt(3) area / sum of squared edges (1: equilateral) after a collapse, unless it was lower before."""
MAX_NEIGHBOURS = 9


class HalfMesh:
    """A disk of triangles whose boundary is the body's midline, under half-edge collapses.

    Args:
        vertices: (N, 3) positions [m].
        triangles: (F, 3) indices into `vertices`.
        is_midline: (N,) true on the boundary.
        is_protected: (N,) vertices that must stay.
        scale: (N,) a vertex's cost is divided by the square of this length; small where detail matters.
    """

    def __init__(self, vertices, triangles, is_midline, is_protected, scale) -> None:
        self.vertices = vertices
        self._places = [tuple(map(float, vertex)) for vertex in vertices]
        self.is_midline = is_midline
        self.is_protected = is_protected
        self.scale = scale
        self.triangles = {k: tuple(map(int, triangle)) for k, triangle in enumerate(triangles)}
        self.around: dict[int, set[int]] = {}
        for k, triangle in self.triangles.items():
            for vertex in triangle:
                self.around.setdefault(vertex, set()).add(k)
        self.quadrics = {vertex: np.zeros((4, 4)) for vertex in self.around}
        self.area = dict.fromkeys(self.around, 0.0)
        for triangle in self.triangles.values():
            self._add_quadric(triangle)
        self.version = dict.fromkeys(self.around, 0)

    def _add_quadric(self, triangle) -> None:
        normal = np.array(self._normal(triangle))
        area = float(np.linalg.norm(normal))
        if area == 0.0:
            return
        plane = np.append(normal / area, -normal @ self.vertices[triangle[0]] / area)
        for vertex in triangle:
            self.quadrics[vertex] += area * np.outer(plane, plane)
            self.area[vertex] += area

    def _normal(self, triangle) -> tuple[float, float, float]:
        # Plain floats: numpy's overhead on three numbers would make the build ten times slower.
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (self._places[vertex] for vertex in triangle)
        ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
        return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx

    def neighbours(self, vertex: int) -> set[int]:
        """Vertices joined to `vertex` by an edge."""
        return {other for k in self.around[vertex] for other in self.triangles[k]} - {vertex}

    def cost(self, gone: int, kept: int) -> float:
        """Squared error of moving `gone` to `kept`, relative to the local scale."""
        place = np.append(self.vertices[kept], 1.0)
        error = place @ (self.quadrics[gone] + self.quadrics[kept]) @ place / (self.area[gone] + self.area[kept])
        length = math.dist(self._places[gone], self._places[kept]) ** 2
        return float((error + LENGTH_WEIGHT * length) / self.scale[gone] ** 2)

    def may_collapse(self, gone: int, kept: int) -> bool:
        """Whether the half stays a disk whose double is a closed surface, and no triangle flips or degenerates."""
        if self.is_protected[gone] or (self.is_midline[gone] and not self.is_midline[kept]):
            return False
        near_gone, near_kept = self.neighbours(gone), self.neighbours(kept)
        shared = near_gone & near_kept
        if len(shared) != (1 if self.is_midline[gone] else 2):
            return False
        if len(near_gone | near_kept) - 2 > MAX_NEIGHBOURS:
            return False
        if self.is_midline[kept]:
            # An inner edge between midline vertices would coincide with its mirror image.
            if not self.is_midline[gone] and any(self.is_midline[i] for i in near_gone - {kept} - shared):
                return False
            if (
                not self.is_midline[gone]
                and any(self.is_midline[i] for i in shared)
                and not self._is_border(kept, shared)
            ):
                return False
        return self._keeps_shape(gone, kept)

    def _is_border(self, kept: int, shared: set[int]) -> bool:
        """Whether each midline vertex of `shared` is joined to `kept` by an edge of the boundary."""
        return all(len(self.around[i] & self.around[kept]) == 1 for i in shared if self.is_midline[i])

    def _keeps_shape(self, gone: int, kept: int) -> bool:
        for k in self.around[gone] - self.around[kept]:
            old = self.triangles[k]
            new = tuple(kept if vertex == gone else vertex for vertex in old)
            before, after = self._normal(old), self._normal(new)
            cosine = sum(x * y for x, y in zip(before, after, strict=True))
            if cosine < MIN_NORMAL_COSINE * math.hypot(*before) * math.hypot(*after):
                return False
            if self._quality(new) < min(MIN_QUALITY, self._quality(old)):
                return False
        return True

    def _quality(self, triangle) -> float:
        a, b, c = (self._places[vertex] for vertex in triangle)
        edges = math.dist(a, b) ** 2 + math.dist(b, c) ** 2 + math.dist(c, a) ** 2
        return 2.0 * math.sqrt(3.0) * math.hypot(*self._normal(triangle)) / edges

    def collapse(self, gone: int, kept: int) -> None:
        """Move `gone` onto `kept`."""
        for k in list(self.around[gone]):
            old = self.triangles[k]
            if kept in old:
                for vertex in old:
                    self.around[vertex].discard(k)
                del self.triangles[k]
            else:
                self.triangles[k] = tuple(kept if vertex == gone else vertex for vertex in old)
                self.around[kept].add(k)
        del self.around[gone]
        self.quadrics[kept] += self.quadrics[gone]
        self.area[kept] += self.area[gone]
        for vertex in self.neighbours(kept) | {kept}:
            self.version[vertex] += 1


def decimate(mesh: HalfMesh, num_vertices: int) -> np.ndarray:
    """Collapse the cheapest edges until the mirrored whole has at most `num_vertices` vertices.

    Returns:
        (F, 3) the remaining triangles, in their original order.
    """
    heap: list[tuple[float, int, int, int]] = []

    def push(vertex: int) -> None:
        if mesh.is_protected[vertex]:
            return
        for cost, other in sorted((mesh.cost(vertex, other), other) for other in mesh.neighbours(vertex)):
            if mesh.may_collapse(vertex, other):
                heapq.heappush(heap, (cost, vertex, other, mesh.version[vertex]))
                return

    for vertex in mesh.around:
        push(vertex)
    num_whole = sum(1 if mesh.is_midline[vertex] else 2 for vertex in mesh.around)
    while num_whole > num_vertices and heap:
        _, gone, kept, version = heapq.heappop(heap)
        if gone not in mesh.around or mesh.version[gone] != version:
            continue
        near = mesh.neighbours(gone)
        mesh.collapse(gone, kept)
        num_whole -= 1 if mesh.is_midline[gone] else 2
        for vertex in sorted(near | mesh.neighbours(kept)):
            mesh.version[vertex] += 1
            push(vertex)
    return np.array([mesh.triangles[k] for k in sorted(mesh.triangles)])
