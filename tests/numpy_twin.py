"""The body and the objective written a second time, naively, in float64 NumPy loops straight from the equations."""

import numpy as np
from scipy.spatial.transform import Rotation


def vertices_and_joints(body, betas, global_orient, body_pose, transl):
    """SMPL's forward pass for one body: V vertices and J joints [m]."""
    f64 = {name: np.asarray(getattr(body, name), np.float64) for name in ARRAYS}
    num_joints = len(body.parents)
    pose = np.zeros((num_joints, 3))
    given = np.concatenate([global_orient, body_pose]).reshape(-1, 3)
    pose[: len(given)] = given
    v_shaped = f64["v_template"].copy()
    for b, beta in enumerate(betas):
        v_shaped += beta * f64["shapedirs"][:, :, b]
    rest = f64["J_regressor"] @ v_shaped
    local = [Rotation.from_rotvec(p).as_matrix() for p in pose]
    feature = np.concatenate([(R - np.eye(3)).ravel() for R in local[1:]])
    v_posed = v_shaped + f64["posedirs"] @ feature
    world = joint_frames(local, rest, body.parents)
    vertices = np.zeros_like(v_posed)
    for j in range(num_joints):
        moved = (v_posed - rest[j]) @ world[j][:3, :3].T + world[j][:3, 3]
        vertices += f64["lbs_weights"][:, j : j + 1] * moved
    joints = np.array([matrix[:3, 3] for matrix in world])
    return vertices + transl, joints + transl


def joint_frames(local, rest, parents):
    """World transform of each joint: its parent's, then the bone, then its own rotation."""
    world = []
    for j, parent in enumerate(parents):
        matrix = np.eye(4)
        matrix[:3, :3] = local[j]
        matrix[:3, 3] = rest[j] if parent < 0 else rest[j] - rest[parent]
        world.append(matrix if parent < 0 else world[parent] @ matrix)
    return world


ARRAYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights")


def layout_points(body, layout, vertices, joints):
    """The K points of a layout that the body defines as joints or surface points; NaN for others."""
    rows = []
    for names in layout.points:
        parts = []
        for name in names:
            if name in body.joint_names:
                parts.append(joints[body.joint_names.index(name)])
            elif name in body.point_names:
                row = body.point_names.index(name)
                weights = np.asarray(body.point_weights[row], np.float64)
                parts.append(weights @ vertices[np.asarray(body.point_vertices[row])])
            else:
                parts.append(np.full(3, np.nan))
        rows.append(np.mean(parts, axis=0))
    return np.array(rows)


def project(points, focal_length, camera_center):
    """Pinhole projection [px]."""
    return np.array([focal_length * p[:2] / p[2] + camera_center for p in points])


def data_energy(points_cam, keypoints_px, confidence, focal_length, camera_center, pixel_scale, sigma):
    """conf^2 rho(e) summed over keypoints and coordinates."""
    total = 0.0
    for point, seen, conf in zip(points_cam, keypoints_px, confidence, strict=True):
        for e in pixel_scale * (focal_length * point[:2] / point[2] + camera_center - seen):
            total += conf**2 * sigma**2 * e**2 / (sigma**2 + e**2)
    return total


def pose_prior_energy(body_pose, means, covars, weights, w_theta):
    """w^2 times the least of 1/2 Mahalanobis^2 - log w~, without the likeliest component's constant."""
    log_det = np.array([np.linalg.slogdet(c)[1] for c in covars])
    normalised = np.log(weights) - 0.5 * (log_det - log_det.min())
    energies = []
    for mean, covar, log_weight in zip(means, covars, normalised - normalised.max(), strict=True):
        d = body_pose - mean
        energies.append(0.5 * d @ np.linalg.solve(covar, d) - log_weight)
    return w_theta**2 * min(energies)


def bend_energy(body_pose, weight):
    """Elbows about y (left +, right -), knees about x (both -): indices 55, 58, 12, 15 of the full pose."""
    full = np.concatenate([np.zeros(3), body_pose])
    return weight**2 * sum(np.exp(2 * sign * full[i]) for i, sign in ((55, 1), (58, -1), (12, -1), (15, -1)))


def shape_energy(betas, w_beta):
    """w^2 |betas|^2."""
    return w_beta**2 * float(np.dot(betas, betas))


def hip_keypoint(body, joints, global_orient, side):
    """The hip that annotators mark: 12 mm inward, 22 mm down and 18 mm forward of SMPL's joint, carried by the pelvis."""
    offset = np.array([-0.012 if side == "left" else 0.012, -0.022, 0.018])
    return joints[body.joint_names.index(f"{side}_hip")] + Rotation.from_rotvec(global_orient).apply(offset)


def depth_energy(depth, start_depth, weight):
    """Per unit of log depth."""
    return weight**2 * np.log(depth / start_depth) ** 2


def capsule_spheres(body, part_joints, betas, global_orient, body_pose):
    """Spheres of each part's capsule as a list of (centre, radius) by part name: both ends and between them, a diameter apart at most."""
    capsules = body.capsules
    padded = np.append(np.asarray(betas, np.float64), 1.0)
    rows = [np.asarray(capsules.betas2lens, np.float64), np.asarray(capsules.betas2rads, np.float64)]
    lengths, radii = padded @ rows[0], padded @ rows[1]
    centers = np.einsum("b,bcx->cx", padded, np.asarray(capsules.betas2centers, np.float64))
    shaped = np.asarray(body.v_template, np.float64) + np.asarray(body.shapedirs, np.float64) @ betas
    pose = np.concatenate([global_orient, body_pose]).reshape(-1, 3)
    local = [Rotation.from_rotvec(p).as_matrix() for p in pose]
    world = joint_frames(local, np.asarray(body.J_regressor, np.float64) @ shaped, body.parents)
    spheres = {}
    for c, (part, joint) in enumerate(part_joints.items()):
        frame = world[body.joint_names.index(joint)]
        num = max(2, int(np.ceil(rows[0][-1, c] / (2 * rows[1][-1, c]))) + 1)
        places = list(np.linspace(-0.5, 0.5, num))
        if "thigh" in part:
            places = places[1:]
        if "upper_arm" in part:
            places = places[1:-1] or [0.0]
        rest = [centers[c] + place * lengths[c] * np.asarray(capsules.axes[c], np.float64) for place in places]
        spheres[part] = [(frame[:3, :3] @ point + frame[:3, 3], radii[c]) for point in rest]
    return spheres


def interpenetration_energy(spheres, pairs, weight):
    """w^2 sum exp(-d^2 / (sigma_i^2 + sigma_j^2)), sigma being 0.3 of the radius."""
    total = 0.0
    for first, second in pairs:
        for c_i, r_i in spheres[first]:
            for c_j, r_j in spheres[second]:
                total += np.exp(-np.sum((c_i - c_j) ** 2) / ((0.3 * r_i) ** 2 + (0.3 * r_j) ** 2))
    return weight**2 * total


def anchor_energy(pose, betas, anchor, inverse_correlation, weight):
    """Half a squared Mahalanobis distance from the anchor, by the precision matrix written out."""
    scale = np.diag(np.asarray(anchor.pose_scale, np.float64))
    precision = scale @ np.asarray(inverse_correlation, np.float64) @ scale
    apart = pose - np.asarray(anchor.body_pose, np.float64)
    by_betas = np.asarray(anchor.betas_scale, np.float64) * (betas - np.asarray(anchor.betas, np.float64))
    return weight**2 * 0.5 * float(apart @ precision @ apart + by_betas @ by_betas)
