"""The viewer: a server of viser's with the bodies, the cameras, and the controls over them."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.pictures import palette
from smplify_jax.viewer.cameras import Pictures, ShownPicture, cameras_of
from smplify_jax.viewer.controls import BodyControls, ShowControls, TimeControls
from smplify_jax.viewer.people import ShownPerson
from smplify_jax.viewer.playback import Playback

COLORS = {
    "light blue": palette.SKY_BLUE,
    "orange": palette.ORANGE,
    "green": palette.GREEN,
    "pink": palette.PURPLE,
    "yellow": palette.YELLOW,
    "red": palette.VERMILION,
    "dark blue": palette.BLUE,
}
"""Of bodies."""

INSTALL = 'the viewer needs the package viser: pip install "smplify-jax[viewer]"'

_CAPSULE_COLOR, _CLEAR = (70, 70, 80), 0.5
"""Of capsules, and the opacity of ellipsoids, and of the body around either."""

_FROM, _FOV = np.array([0.8, 0.3, 0.75]), np.radians(50)
"""The direction that one looks from at first, and the vertical field of view."""


class Viewer:
    """A running viewer; a context manager that ends it.

    Attributes:
        people: that it shows.
        server: viser's.
        url: where a browser of this machine finds it.
        num_frames: of the longest motion.
    """

    def __init__(
        self,
        people: Sequence[ShownPerson],
        pictures: Sequence[Pictures] = (),
        *,
        fps: float = 30.0,
        host: str = "127.0.0.1",
        port: int = 8080,
    ) -> None:
        """Start the server and show the first frame.

        Args:
            people: of one or several results, at least one of whom has a body.
            pictures: of the cameras of the first person who has a body, in their order.
            fps: of motions.
            host: address to serve at; by default this machine alone can connect.
            port: to serve at; the next free one if it is taken.
        Raises:
            InputError: viser is not installed, nobody has a body, there are more pictures than cameras, or the host is no address of
                this machine.
        """
        self.people = list(people)
        start, self._seen = _first_body(people)
        self.num_frames = max(person.num_frames for person in people)
        self._cameras = cameras_of(self._seen, start)
        if len(pictures) > len(self._cameras):
            raise InputError(
                f"The number of pictures is {len(pictures)} and that of cameras is {len(self._cameras)}: give at most one picture, or "
                "folder of pictures, for each camera."
            )
        self._pictures = list(pictures)
        self.server = _server(host, port)
        self.url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{self.server.get_port()}"
        self._lock = threading.RLock()
        self._frame = start
        self._nodes: dict[str, Any] = {}
        self._sent_pictures: dict[int, ShownPicture | None] = {}
        self._set_the_scene()
        self._show = ShowControls(
            self.server,
            self._labels(),
            has_cameras=bool(self._cameras),
            has_several_results=self._num_sources > 1,
            redraw=self.redraw,
            look_from_camera=self._look_from_camera,
        )
        self._body = BodyControls(self.server, self.people, self._labels(), self.redraw)
        self._playback = Playback(self.num_frames, fps, self._go_to)
        self._time = (
            TimeControls(self.server, self.num_frames, start, self._playback, self.show)
            if self.num_frames > 1
            else None
        )
        self.show(start)

    @property
    def _num_sources(self) -> int:
        return 1 + max(person.source for person in self.people)

    def __enter__(self) -> Viewer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End playback and the server."""
        self._playback.close()
        with _silent_viser():
            self.server.stop()

    def node_names(self) -> tuple[str, ...]:
        """What is in the scene."""
        return tuple(self._nodes)

    def show(self, frame: int) -> None:
        """Show a frame; those whose motion is shorter stay at their last one."""
        with self._lock:
            self._frame = frame
            self._playback.seek(frame)
            self.redraw()

    def redraw(self) -> None:
        """Draw everybody and all cameras as the controls say."""
        with self._lock, self.server.atomic():
            self._body.follow(self._frame)
            for number in range(len(self.people)):
                self._draw_person(number)
            self._draw_cameras()
        self.server.flush()

    def _go_to(self, frame: int) -> None:
        """From playback: move the timeline, which shows the frame."""
        if self._time is not None:
            self._time.set_frame(frame)

    def _set_the_scene(self) -> None:
        """A floor under everybody's lowest vertex, and a view of bodies and cameras from behind the first camera, on its right."""
        meshes = [mesh for person in self.people if (mesh := _mesh_at(person, self._frame))]
        corners = [corner(mesh.vertices, axis=0) for mesh in meshes for corner in (np.min, np.max)]
        low = np.min(corners, axis=0)
        corners += [camera.position for camera in self._cameras]
        near, far = np.min(corners, axis=0), np.max(corners, axis=0)
        middle = (near + far) / 2
        distance = float(np.linalg.norm(far - near))
        scene, view = self.server.scene, self.server.initial_camera
        scene.set_up_direction("+y")
        scene.configure_default_lights(cast_shadow=False)
        scene.add_grid("/floor", plane="xz", position=(float(middle[0]), float(low[1]), float(middle[2])))
        self._nodes["/floor"] = None
        view.position = tuple(middle + distance * _FROM / np.linalg.norm(_FROM))
        view.look_at = tuple(middle)
        view.fov = _FOV

    def _color(self, number: int) -> str:
        """The colour of a person: that of their result, if there are several."""
        place = self.people[number].source if self._num_sources > 1 else number
        return list(COLORS)[place % len(COLORS)]

    def _labels(self) -> list[str]:
        """What the controls call each person."""
        if len(self.people) == 1:
            return [self.people[0].name]
        return [f"{person.name}, {self._color(number)}" for number, person in enumerate(self.people)]

    def _look_from_camera(self, client: Any) -> None:
        """Move a browser's view to the first camera, which sees as much of the height as its picture does."""
        camera = self._cameras[0]
        meshes = [mesh for person in self.people if (mesh := _mesh_at(person, self._frame))]
        places = [mesh.vertices.mean(axis=0) for mesh in meshes] or [
            camera.position + camera.rotation.apply([0, 0, 3.0])
        ]
        # The view turns about the point that it looks at: one as far ahead as the people are.
        ahead = float(np.linalg.norm(np.mean(places, axis=0) - camera.position))
        client.camera.position = camera.position
        client.camera.look_at = camera.position + camera.rotation.apply([0.0, 0.0, ahead])
        client.camera.fov = camera.fov(camera.size)

    def _draw_person(self, number: int) -> None:
        person = self.people[number]
        frame = min(self._frame, person.num_frames - 1)
        is_shown = self._show.shows_person(number)
        aside = np.array([self._show.gap * person.source, 0.0, 0.0])
        color = COLORS[self._color(number)]
        capsules = person.capsules(frame) if is_shown and self._show.shows_capsules else None
        ellipsoids = person.ellipsoids(frame) if is_shown and self._show.shows_ellipsoids else None
        has_inside = capsules is not None or ellipsoids is not None
        parts = (
            ("body", person.mesh(frame) if is_shown else None, color, _CLEAR if has_inside else None),
            ("capsules", capsules, _CAPSULE_COLOR, None),
            ("ellipsoids", ellipsoids, palette.YELLOW, _CLEAR),
        )
        for part, mesh, color, opacity in parts:
            name = f"/people/{number}/{part}"
            node = self._nodes.get(name)
            if mesh is None:
                if node is not None:
                    node.visible = False
                continue
            vertices = (mesh.vertices + aside).astype(np.float32)
            if node is None:
                node = self.server.scene.add_mesh_simple(name, vertices, mesh.faces, color=color)
                self._nodes[name] = node
            node.vertices, node.opacity, node.visible = vertices, opacity, True

    def _draw_cameras(self) -> None:
        cameras = cameras_of(self._seen, min(self._frame, self._seen.num_frames - 1)) or self._cameras
        for view, camera in enumerate(cameras):
            picture = self._pictures[view].at(self._frame, camera) if view < len(self._pictures) else None
            size = camera.size if picture is None else picture.size
            name, node = f"/cameras/{view}", self._nodes.get(f"/cameras/{view}")
            if node is None:
                node = self.server.scene.add_camera_frustum(
                    name, camera.fov(size), camera.aspect(size), scale=0.3, thickness=0.01
                )
                self._nodes[name] = node
            node.fov, node.aspect = camera.fov(size), camera.aspect(size)
            node.position, node.wxyz = camera.position, camera.wxyz
            node.visible = self._show.shows_cameras
            if self._sent_pictures.get(view) is not picture:  # a redraw for another reason sends none
                self._sent_pictures[view] = picture
                node.image = None if picture is None else picture.pixels


def _first_body(people: Sequence[ShownPerson]) -> tuple[int, ShownPerson]:
    """The first frame in which somebody has a body, and who."""
    firsts = [(np.flatnonzero([status.is_usable for status in one.result.statuses()])[:1], one) for one in people]
    found = [(int(first[0]), one) for first, one in firsts if first.size]
    if not found:
        raise InputError("Nobody in these results has a body, so there is nothing to show: see their statuses.")
    return min(found, key=lambda each: each[0])


def _mesh_at(person: ShownPerson, frame: int) -> Any:
    return person.mesh(min(frame, person.num_frames - 1))


def _server(host: str, port: int) -> Any:
    try:
        import viser
    except ImportError as error:
        raise InputError(f"{INSTALL} ({error})") from None
    _check_host(host)
    with _silent_viser():
        return viser.ViserServer(host=host, port=port, label="smplify-view", verbose=False)


def _check_host(host: str) -> None:
    """Raise InputError for an address that cannot be served at: viser would wait for it without an end."""
    try:
        for family, *_, address in socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM):
            socket.create_server(address[:2], family=family).close()
    except OSError as error:
        raise InputError(
            f"{host} is no address of this machine ({error.strerror}): serve at 127.0.0.1, or at 0.0.0.0 to let others connect."
        ) from None


def _silent_viser() -> contextlib.AbstractContextManager[Any]:
    """Keep viser's own greeting and farewell from the terminal."""
    return contextlib.redirect_stdout(io.StringIO())
