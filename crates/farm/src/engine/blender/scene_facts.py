# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later
#
# What a scene is: its files, scripts, settings, and why it could not be proved. Part of the driver, under the same licences.

import os

import bpy


def absolute(path, library=None):
    return os.path.normpath(bpy.path.abspath(path, library=library))


def files_of(block):
    """Paths that a data-block names, those of numbered tiles one by one."""
    path = block.filepath
    library = block.library
    if isinstance(block, bpy.types.Image) and block.source == "TILED":
        tiles = [str(tile.number) for tile in block.tiles]
        return [absolute(path.replace("<UDIM>", tile), library) for tile in tiles]
    return [absolute(path, library)]


def packed(block):
    return bool(getattr(block, "packed_file", None)) or len(getattr(block, "packed_files", ())) > 0


def dependencies():
    """Every file outside of the scene: kind, name, path, whether it is there, whether packing can take it in."""
    found = []

    def add(kind, block, packable):
        if packed(block) or not block.filepath:
            return
        for path in files_of(block):
            there = os.path.isfile(path)
            found.append({"kind": kind, "name": block.name, "path": path, "found": there, "packable": packable})

    for image in bpy.data.images:
        if image.source in {"FILE", "TILED"} and image.users:
            add("image", image, True)
        elif image.source in {"SEQUENCE", "MOVIE"} and image.users:
            add("image sequence" if image.source == "SEQUENCE" else "movie", image, False)
    for library in bpy.data.libraries:
        add("library", library, True)
    for font in bpy.data.fonts:
        if font.users and font.filepath != "<builtin>":
            add("font", font, True)
    for volume in bpy.data.volumes:
        if volume.users:
            add("volume", volume, not volume.is_sequence)
    for cache in bpy.data.cache_files:
        if cache.users:
            add("cache file", cache, False)
    for clip in bpy.data.movieclips:
        if clip.users:
            add("movie clip", clip, False)
    for what in bpy.data.objects:
        for modifier in what.modifiers:
            if modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
                path = absolute(modifier.domain_settings.cache_directory)
                there = os.path.isdir(path)
                found.append(
                    {"kind": "fluid cache", "name": what.name, "path": path, "found": there, "packable": False}
                )
            cache = getattr(modifier, "point_cache", None)
            if cache is not None and cache.use_disk_cache:
                path = absolute("//blendcache_" + bpy.path.basename(bpy.data.filepath).rsplit(".", 1)[0])
                there = os.path.isdir(path)
                found.append(
                    {"kind": "point cache", "name": what.name, "path": path, "found": there, "packable": False}
                )
    return sorted(found, key=lambda file: (file["kind"], file["path"], file["name"]))


def scripts():
    """Names of what would run by itself if that were allowed."""
    found = [text.name for text in bpy.data.texts if text.use_module]
    blocks = [block for kind in (bpy.data.objects, bpy.data.materials, bpy.data.node_groups) for block in kind]
    for block in blocks:
        data = block.animation_data
        if data and any(d.driver.type == "SCRIPTED" and not d.driver.is_simple_expression for d in data.drivers):
            found.append("drivers of " + block.name)
    return sorted(found)


def compositor(scene):
    """The node tree that composites, if one is in use."""
    if not scene.render.use_compositing:
        return None
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def all_nodes(tree, seen=()):
    for node in tree.nodes if tree else ():
        yield node
        inner = getattr(node, "node_tree", None)
        if inner is not None and inner not in seen:
            yield from all_nodes(inner, (*seen, inner))


def denoised(scene, layer):
    return bool(scene.cycles.use_denoising and layer.cycles.use_denoising)


def obstacles(scene):
    """Why this scene's frames could not be proved or would not be what Blender makes of them by hand."""
    render, cycles = scene.render, scene.cycles
    found = []
    if render.engine != "CYCLES":
        found.append(f"it renders with {render.engine}; only CYCLES is taken")
        return found
    if scene.camera is None:
        found.append("it has no camera")
    if render.use_multiview:
        found.append("stereoscopy (multi-view) is on")
    if render.use_freestyle:
        found.append("Freestyle is on")
    if render.use_border:
        found.append("a render region (border) is on")
    editor = scene.sequence_editor
    strips = [] if editor is None else getattr(editor, "strips_all", None) or getattr(editor, "sequences_all", [])
    if render.use_sequencer and len(strips) > 0:
        found.append("the video sequencer makes its output")
    if cycles.time_limit > 0:
        found.append("it renders for a time instead of samples, so that no two renders are the same")
    if cycles.use_guiding and not cycles.use_deterministic_guiding:
        found.append("path guiding is on and not deterministic")
    for layer in scene.view_layers:
        if not layer.use:
            continue
        if getattr(layer.cycles, "pass_render_time", False):
            found.append(f"view layer {layer.name} has a pass of render times, which no two renders share")
        if denoised(scene, layer):
            if cycles.denoiser != "OPENIMAGEDENOISE":
                found.append(f"view layer {layer.name} is denoised by {cycles.denoiser}; only OPENIMAGEDENOISE is replayed")
            if layer.cycles.use_pass_shadow_catcher:
                found.append(f"view layer {layer.name} denoises a shadow catcher pass, which cannot be replayed")
    for node in all_nodes(compositor(scene)):
        if node.bl_idname == "CompositorNodeRLayers" and node.scene not in {None, scene}:
            found.append(f"the compositor takes in another scene, {node.scene.name}")
    if sum(layer.use for layer in scene.view_layers) == 0:
        found.append("no view layer is to be rendered")
    return sorted(set(found))


def size(scene):
    render = scene.render
    percent = render.resolution_percentage
    # Blender cuts off, in integers.
    return render.resolution_x * percent // 100, render.resolution_y * percent // 100


def report():
    scene = bpy.context.scene
    render, image = scene.render, scene.render.image_settings
    width, height = size(scene)
    is_cycles = render.engine == "CYCLES"
    return {
        "blender": list(bpy.data.version),
        "scene": scene.name,
        "engine": render.engine,
        "frame_start": scene.frame_start,
        "frame_end": scene.frame_end,
        "frame_step": scene.frame_step,
        "fps": render.fps / render.fps_base,
        "width": width,
        "height": height,
        "samples": scene.cycles.samples if is_cycles else None,
        "seed": scene.cycles.seed if is_cycles else None,
        "adaptive": bool(scene.cycles.use_adaptive_sampling) if is_cycles else None,
        "camera": scene.camera.name if scene.camera else None,
        "cameras": sorted(what.name for what in scene.objects if what.type == "CAMERA"),
        "layers": [
            {"name": layer.name, "denoised": is_cycles and denoised(scene, layer)}
            for layer in scene.view_layers
            if layer.use
        ],
        "format": image.file_format,
        "color_mode": image.color_mode,
        "color_depth": image.color_depth,
        "movie": bool(render.is_movie_format),
        "view_transform": scene.view_settings.view_transform,
        "composited": compositor(scene) is not None,
        "file_outputs": sorted(
            node.name for node in all_nodes(compositor(scene)) if node.bl_idname == "CompositorNodeOutputFile"
        ),
        "scripts": scripts(),
        "dependencies": dependencies(),
        "obstacles": obstacles(scene),
    }
