# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later
#
# Runs inside of Blender, as a process of its own. It imports `bpy`, so that whoever passes it on together with Blender does so
# under Blender's licence, which is why this file alone may also be taken under GPL 3 or later.
#
# One JSON object a line: requests come in on standard input, events go out on what was standard output when this started.
# Whatever Blender itself prints goes to standard error.

import json
import os
import shutil
import sys
import time

EVENTS = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
os.dup2(2, 1)


def tell(event, **facts):
    EVENTS.write(json.dumps({"event": event, **facts}) + "\n")
    EVENTS.flush()


class Refused(Exception):
    """Ends a request with a kind of the error taxonomy."""

    def __init__(self, kind, text, paths=()):
        super().__init__(text)
        self.kind = kind
        self.paths = list(paths)


# The import below takes seconds on a cold disk.
tell("progress", stage="starting")

import bpy  # noqa: E402
import numpy as np  # noqa: E402

# Blender runs this file without looking beside it.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from scene_facts import all_nodes, compositor, denoised, dependencies, obstacles, report, size  # noqa: E402

# What is asked.


def open_scene(request):
    path = request["scene"]
    if not os.path.isfile(path):
        raise Refused("missing_file", "the scene is not there", [path])
    tell("progress", stage="loading")
    begin = time.monotonic()
    try:
        bpy.ops.wm.open_mainfile(filepath=path, load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise Refused("bad_scene", str(error).strip()) from error
    preferences = bpy.context.preferences
    preferences.filepaths.use_scripts_auto_execute = False
    preferences.edit.undo_steps = 0
    return {"seconds": time.monotonic() - begin}


def place(path):
    """A path whose folder is there."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def clear(request):
    """Before the next request of a process that stays: nothing of the last one is left on disk."""
    for name in os.listdir("."):
        if name.startswith("in-"):
            os.remove(name)
    shutil.rmtree("out", ignore_errors=True)
    return {}


def pack(request):
    tell("progress", stage="packing")
    before = dependencies()
    lost = [file["path"] for file in before if not file["found"]]
    if lost:
        raise Refused("missing_file", "the scene names files that are not there", lost)
    stay = [f"{file['kind']} {file['path']}" for file in before if not file["packable"]]
    if stay:
        raise Refused("unsupported", "Blender cannot pack these into the scene: " + ", ".join(stay))
    try:
        bpy.ops.file.pack_all()
        if len(bpy.data.libraries) > 0:
            bpy.ops.file.pack_libraries()
    except RuntimeError as error:
        raise Refused("bad_scene", str(error).strip()) from error
    left = [file["path"] for file in dependencies()]
    if left:
        raise Refused("unsupported", "Blender did not pack these into the scene: " + ", ".join(left))
    tell("progress", stage="saving")
    # Uncompressed, so that what did not change is found again chunk by chunk.
    bpy.ops.wm.save_as_mainfile(filepath=place(request["out"]), compress=False, copy=True)
    return {"packed": before}


def override(scene, options):
    """What the job changes of the scene's own settings."""
    render = scene.render
    if options.get("samples") is not None:
        scene.cycles.samples = options["samples"]
    if options.get("width") is not None:
        render.resolution_x, render.resolution_percentage = options["width"], 100
    if options.get("height") is not None:
        render.resolution_y, render.resolution_percentage = options["height"], 100
    if options.get("percentage") is not None:
        render.resolution_percentage = options["percentage"]
    if options.get("denoise") is not None:
        scene.cycles.use_denoising = options["denoise"]
    if options.get("layers") is not None:
        known = {layer.name for layer in scene.view_layers}
        unknown = [name for name in options["layers"] if name not in known]
        if unknown:
            raise Refused("unsupported", f"there is no view layer {unknown[0]}; there are {', '.join(sorted(known))}")
        for layer in scene.view_layers:
            layer.use = layer.name in options["layers"]
    image = render.image_settings
    if options.get("format") is not None:
        set_format(image, options["format"])
    if options.get("color_depth") is not None:
        image.color_depth = options["color_depth"]
    if options.get("color_mode") is not None:
        image.color_mode = options["color_mode"]


def set_format(image, wanted):
    if hasattr(image, "media_type"):
        image.media_type = "MULTI_LAYER_IMAGE" if wanted == "OPEN_EXR_MULTILAYER" else "IMAGE"
    image.file_format = wanted


def aim(scene, options, frame):
    """The frame, and the camera of it: the option's, else what the scene's markers say."""
    scene.frame_set(frame)
    name = options.get("camera")
    if name is not None:
        camera = scene.objects.get(name)
        if camera is None or camera.type != "CAMERA":
            raise Refused("missing_camera", f"there is no camera {name}")
        for marker in scene.timeline_markers:
            marker.camera = None
        scene.camera = camera


def prepare(request):
    """The scene with the job's options, or why not."""
    scene = bpy.context.scene
    options = request["options"]
    try:
        override(scene, options)
    except (TypeError, ValueError) as error:
        raise Refused("unsupported", f"an option does not fit this scene: {error}") from error
    aim(scene, options, request["frame"])
    reasons = obstacles(scene)
    if "it has no camera" in reasons:
        raise Refused("missing_camera", "the scene has no camera")
    if reasons:
        raise Refused("unsupported", "the scene cannot be taken: " + "; ".join(reasons))
    lost = [file["path"] for file in dependencies() if not file["found"]]
    if lost:
        raise Refused("missing_file", "the scene names files that are not there", lost)
    if request.get("threads"):
        scene.render.threads_mode, scene.render.threads = "FIXED", request["threads"]
    return scene


def choose_device(scene, wanted):
    if wanted == "cpu":
        scene.cycles.device = "CPU"
        return "CPU"
    preferences = bpy.context.preferences.addons["cycles"].preferences
    for kind in ("OPTIX", "CUDA", "HIP", "ONEAPI", "METAL"):
        try:
            preferences.compute_device_type = kind
        except TypeError:
            continue
        preferences.refresh_devices()
        devices = [device for device in preferences.devices if device.type == kind]
        if devices:
            for device in preferences.devices:
                device.use = device.type == kind
            scene.cycles.device = "GPU"
            return kind + " " + devices[0].name
    raise Refused("no_device", "Cycles finds no GPU that it can use")


class Watch:
    """Tells how far Cycles is, a few times a second at most."""

    def __init__(self):
        self.last = 0.0

    def __call__(self, *arguments):
        now = time.monotonic()
        text = next((argument for argument in arguments if isinstance(argument, str)), "")
        if now - self.last < 0.2 and "Finished" not in text:
            return
        self.last = now
        done = of = None
        for part in text.split("|"):
            words = part.split()
            if len(words) == 2 and words[0] == "Sample" and "/" in words[1]:
                done, of = (int(number) for number in words[1].split("/"))
        tell("progress", stage="rendering", done=done, of=of, text=text[:200])


def run_render(out):
    """Renders and says whether a file came out; Blender reports failures of engines in words only."""
    bpy.context.scene.render.filepath = out
    watch = Watch()
    bpy.app.handlers.render_stats.append(watch)
    try:
        bpy.ops.render.render(write_still=True)
    except RuntimeError as error:
        raise Refused("engine", str(error).strip()) from error
    finally:
        bpy.app.handlers.render_stats.remove(watch)


def render(request):
    """What Cycles computes, before denoising and compositing, as 32-bit floats."""
    scene = prepare(request)
    device = choose_device(scene, request["device"])
    settings = scene.render
    to_denoise = [layer for layer in scene.view_layers if layer.use and denoised(scene, layer)]
    for layer in to_denoise:
        layer.cycles.denoising_store_passes = True
    scene.cycles.use_denoising = False
    settings.use_compositing = False
    settings.use_sequencer = False
    image = settings.image_settings
    set_format(image, "OPEN_EXR_MULTILAYER")
    image.color_mode, image.color_depth, image.exr_codec = "RGBA", "32", "ZIP"
    if hasattr(image, "use_exr_interleave"):
        image.use_exr_interleave = True
    if hasattr(image, "color_management"):
        image.color_management = "FOLLOW_SCENE"
    settings.use_file_extension = False
    settings.use_overwrite, settings.use_placeholder = True, False
    width, height = size(scene)
    region = request.get("region")
    if region is not None:
        settings.use_border = settings.use_crop_to_border = True
        # Half a pixel inside, so that cutting off gives the pixel that is meant; y counts from below.
        left, right = region["x"], region["x"] + region["width"]
        top, bottom = region["y"], region["y"] + region["height"]
        if right > width or bottom > height:
            raise Refused("unsupported", f"the region ends beyond the frame of {width} by {height} pixels")
        settings.border_min_x = (left + 0.5) / width if left else 0.0
        settings.border_max_x = (right + 0.5) / width if right < width else 1.0
        settings.border_min_y = (height - bottom + 0.5) / height if bottom < height else 0.0
        settings.border_max_y = (height - top + 0.5) / height if top else 1.0
    begin = time.monotonic()
    run_render(place(request["out"]))
    return {
        "seconds": time.monotonic() - begin,
        "width": width,
        "height": height,
        "device": device,
        "denoised": [layer.name for layer in to_denoise],
    }


def denoise(request):
    """Denoises files of one view layer each, as Cycles does at the end of a render."""
    import _cycles

    tell("progress", stage="denoising")
    scene = prepare(request)
    begin = time.monotonic()
    for file in request["files"]:
        layer = scene.view_layers[file["layer"]]
        try:
            _cycles.denoise(
                bpy.context.preferences.as_pointer(),
                scene.as_pointer(),
                layer.as_pointer(),
                input=[file["in"]],
                output=[place(file["out"])],
            )
        except Exception as error:
            raise Refused("engine", f"the denoiser: {error}") from error
    return {"seconds": time.monotonic() - begin}


def replay_engine(request):
    """An engine that gives the compositor and the writer what was computed before."""
    planes = {}
    keeps = {layer.name for layer in bpy.context.scene.view_layers if layer.cycles.denoising_store_passes}
    for plane in request["passes"]:
        # A scene that does not keep what denoisers work on has no such passes.
        if plane["layer"] in keeps or not plane["pass"].startswith("Denoising "):
            planes.setdefault(plane["layer"], {})[plane["pass"]] = plane
    kinds = {1: "VALUE"}

    class Replay(bpy.types.RenderEngine):
        bl_idname = "TETRA_REPLAY"
        bl_label = "Committed buffers"
        bl_use_postprocess = True
        trouble = None

        def update_render_passes(self, scene, layer):
            for name, plane in planes.get(layer.name, {}).items():
                channels = plane["channels"]
                # The compositor's sockets come of this list; what is not in it loses its links.
                kind = kinds.get(len(channels), "VECTOR" if "X" in channels else "COLOR")
                self.register_pass(scene, layer, name, len(channels), channels, kind)

        def render(self, depsgraph):
            try:
                self.fill(depsgraph.scene, depsgraph.view_layer.name)
            except Exception as error:
                Replay.trouble = f"{type(error).__name__}: {error}"

        def fill(self, scene, name):
            width, height = size(scene)
            mine = planes[name]
            for pass_name, plane in mine.items():
                if pass_name != "Combined":
                    self.add_pass(pass_name, len(plane["channels"]), plane["channels"], layer=name)
            result = self.begin_result(0, 0, width, height, layer=name)
            for target in result.layers[0].passes:
                plane = mine.get(target.name)
                if plane is not None:
                    target.rect.foreach_set(np.fromfile(plane["file"], dtype="<f4"))
            self.end_result(result)
            # What is written of the result's own texts is the whole frame's alone.
            whole = self.get_result()
            for field, value in request["metadata"].items():
                whole.stamp_data_add_field(field, value)

    bpy.utils.register_class(Replay)
    return Replay


def compose(request):
    """Compositing, colour management and the scene's own files, from buffers instead of from Cycles."""
    tell("progress", stage="compositing")
    scene = prepare(request)
    if scene.render.is_movie_format:
        raise Refused("unsupported", "the scene's output is a movie; choose an image format by option")
    out = request["out"]
    for node in all_nodes(compositor(scene)):
        if node.bl_idname == "CompositorNodeOutputFile":
            folder = os.path.join(out, "".join(c if c.isalnum() else "_" for c in node.name))
            os.makedirs(folder, exist_ok=True)
            setattr(node, "directory" if hasattr(node, "directory") else "base_path", folder + os.sep)
    engine = replay_engine(request)
    scene.render.engine = engine.bl_idname
    scene.render.use_file_extension = True
    scene.render.use_overwrite, scene.render.use_placeholder = True, False
    begin = time.monotonic()
    try:
        run_render(place(os.path.join(out, "frame")))
    finally:
        bpy.utils.unregister_class(engine)
    if engine.trouble:
        raise Refused("script", engine.trouble)
    return {"seconds": time.monotonic() - begin}


ANSWERS = {
    "open": open_scene,
    "clear": clear,
    "inspect": lambda request: report(),
    "pack": pack,
    "render": render,
    "denoise": denoise,
    "compose": compose,
}


def version():
    text = lambda value: value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return {"version": bpy.app.version_string, "hash": text(bpy.app.build_hash), "platform": text(bpy.app.build_platform)}


def main():
    tell("ready", **version())
    for line in sys.stdin:
        request = json.loads(line)
        try:
            tell("done", **ANSWERS[request["do"]](request))
        except Refused as refused:
            tell("failed", kind=refused.kind, text=str(refused), paths=refused.paths)
        except MemoryError:
            tell("failed", kind="out_of_memory", text="Python had no memory left", paths=[])
        except Exception as error:
            tell("failed", kind="script", text=f"{type(error).__name__}: {error}", paths=[])


if __name__ == "__main__":
    main()
    EVENTS.flush()
    # Blender's own clean-up may crash on hostile scenes, and nothing of it is needed.
    os._exit(0)
