# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later
#
# Makes the demo scene: 24 frames, a moving light and camera, two packed textures, metal, glass and a rough floor. Everything is
# computed here, so that the scene needs no file of anybody's. Runs in Blender's Python: `python demo.py --out demo.blend`.

import argparse
import math
import sys

import bpy
import mathutils
import numpy as np


def options():
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--texture", type=int, default=256, help="side of the textures in pixels")
    parser.add_argument("--denoise", action="store_true")
    parser.add_argument("--adaptive", action="store_true")
    parser.add_argument("--passes", action="store_true", help="depth, normals, two light passes and Cryptomatte")
    parser.add_argument("--composite", action="store_true", help="a glow by the compositor")
    parser.add_argument("--format", default="PNG", choices=("PNG", "JPEG", "OPEN_EXR", "OPEN_EXR_MULTILAYER"))
    return parser.parse_args(words)


def texture(name, side, pixel):
    """A packed image out of a function of two coordinates from 0 to 1."""
    v, u = np.mgrid[0:side, 0:side].astype(np.float64) / side
    rgba = np.ones((side, side, 4), dtype=np.float32)
    rgba[..., :3] = np.stack(pixel(u, v), axis=-1)
    image = bpy.data.images.new(name, side, side)
    image.pixels.foreach_set(rgba.ravel())
    image.pack()
    return image


def tiles(u, v):
    odd = ((np.floor(u * 8) + np.floor(v * 8)) % 2) * 0.6 + 0.15
    joint = np.minimum(np.abs(u * 8 % 1 - 0.5), np.abs(v * 8 % 1 - 0.5)) > 0.47
    grain = (np.sin(u * 397.0) * np.cos(v * 513.0)) * 0.03
    base = np.where(joint, 0.05, odd + grain)
    return base * 0.9, base * 0.85, base * 0.75


def rings(u, v):
    far = np.hypot(u - 0.5, v - 0.5)
    wave = 0.5 + 0.5 * np.sin(far * 60.0)
    return 0.2 + 0.7 * wave, 0.15 + 0.3 * wave, 0.5 - 0.4 * wave


def material(name, color=None, image=None, **inputs):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    surface = made.node_tree.nodes["Principled BSDF"]
    if color is not None:
        surface.inputs["Base Color"].default_value = (*color, 1.0)
    if image is not None:
        picture = made.node_tree.nodes.new("ShaderNodeTexImage")
        picture.image = image
        made.node_tree.links.new(picture.outputs["Color"], surface.inputs["Base Color"])
    for name, value in inputs.items():
        name = name.replace("_", " ")
        if name not in surface.inputs:
            # Blender 3 calls it otherwise.
            name = {"Transmission Weight": "Transmission"}[name]
        surface.inputs[name].default_value = value
    return made


def give(what, name, made):
    what.name = name
    what.data.materials.append(made)
    return what


def aim(what, point):
    what.rotation_euler = (mathutils.Vector(point) - what.location).to_track_quat("-Z", "Y").to_euler()


def build(wanted):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.name = "Demo"
    world = bpy.data.worlds.new("Sky")
    scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.25, 0.35, 0.55, 1.0)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.4

    floor = material("Floor", image=texture("tiles", wanted.texture, tiles), Roughness=0.6)
    bpy.ops.mesh.primitive_plane_add(size=14)
    give(bpy.context.object, "Floor", floor)
    bpy.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24, radius=1.0, location=(-1.6, 0.4, 1.0))
    give(bpy.context.object, "Ball", material("Ball", image=texture("rings", wanted.texture, rings), Roughness=0.35))
    bpy.ops.object.shade_smooth()
    bpy.ops.mesh.primitive_torus_add(major_radius=0.9, minor_radius=0.32, location=(1.3, 0.8, 0.75))
    ring = give(bpy.context.object, "Ring", material("Brass", (0.85, 0.55, 0.2), Metallic=1.0, Roughness=0.18))
    bpy.ops.object.shade_smooth()
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=4, radius=0.6, location=(0.1, -1.3, 0.6))
    glass = material("Glass", (0.95, 0.98, 1.0), Roughness=0.0, Transmission_Weight=1.0)
    give(bpy.context.object, "Glass", glass)
    bpy.ops.object.shade_smooth()
    for number in range(7):
        angle = number * math.tau / 7
        at = (3.4 * math.cos(angle), 3.4 * math.sin(angle), 0.35)
        bpy.ops.mesh.primitive_cube_add(size=0.7, location=at, rotation=(0, 0, angle))
        tint = tuple(0.5 + 0.45 * math.cos(angle + turn) for turn in (0.0, 2.1, 4.2))
        give(bpy.context.object, f"Box{number}", material(f"Box{number}", tint, Roughness=0.5))

    last = max(wanted.frames, 2)
    ring.rotation_euler = (0.5, 0.0, 0.0)
    ring.keyframe_insert("rotation_euler", frame=1)
    ring.rotation_euler = (0.5, math.pi, 0.0)
    ring.keyframe_insert("rotation_euler", frame=last)
    bpy.ops.object.light_add(type="AREA", location=(4.0, -3.0, 5.0))
    lamp = bpy.context.object
    lamp.name, lamp.data.energy, lamp.data.size = "Lamp", 700.0, 2.0
    bpy.ops.object.camera_add(location=(5.2, -6.0, 3.2))
    camera = bpy.context.object
    camera.name, camera.data.lens = "Camera", 40.0
    for frame, angle in ((1, 0.0), (last, 0.7)):
        lamp.location = (4.0 * math.cos(angle * 2), -3.0 + 5.0 * angle, 5.0)
        aim(lamp, (0, 0, 0.5))
        camera.location = (7.9 * math.cos(angle - 0.86), 7.9 * math.sin(angle - 0.86), 3.2)
        aim(camera, (0, 0, 0.7))
        for what in (lamp, camera):
            what.keyframe_insert("location", frame=frame)
            what.keyframe_insert("rotation_euler", frame=frame)
    scene.camera = camera
    bpy.ops.object.camera_add(location=(0.0, -0.5, 11.0))
    bpy.context.object.name = "Above"
    return scene


def settle(scene, wanted):
    scene.render.engine = "CYCLES"
    scene.frame_start, scene.frame_end = 1, wanted.frames
    scene.render.resolution_x, scene.render.resolution_y = wanted.width, wanted.height
    scene.render.resolution_percentage = 100
    cycles, layer = scene.cycles, scene.view_layers[0]
    cycles.samples, cycles.seed = wanted.samples, wanted.seed
    cycles.use_adaptive_sampling, cycles.use_denoising = wanted.adaptive, wanted.denoise
    image = scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE" if wanted.format == "OPEN_EXR_MULTILAYER" else "IMAGE"
    image.file_format = wanted.format
    image.color_mode = "RGB" if wanted.format in {"PNG", "JPEG"} else "RGBA"
    if wanted.format.startswith("OPEN_EXR"):
        image.color_depth = "32"
    if wanted.passes:
        layer.use_pass_z = layer.use_pass_normal = True
        layer.use_pass_diffuse_direct = layer.use_pass_glossy_direct = True
        layer.use_pass_cryptomatte_object = True
    if wanted.composite:
        composite(scene)


def composite(scene):
    """Depth fades the picture and a glare brightens it, so that the compositor needs more than one pass."""
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("Glow", "CompositorNodeTree")
        tree.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        end = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        end = tree.nodes.new("CompositorNodeComposite")
    source = tree.nodes.new("CompositorNodeRLayers")
    glare = tree.nodes.new("CompositorNodeGlare")
    tree.links.new(source.outputs["Image"], glare.inputs["Image"])
    tree.links.new(glare.outputs["Image"], end.inputs["Image"])


def main():
    wanted = options()
    scene = build(wanted)
    settle(scene, wanted)
    bpy.ops.wm.save_as_mainfile(filepath=wanted.out, compress=False)


main()
