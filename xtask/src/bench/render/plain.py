# Frames as a person renders them: one process for a range, with one thread. Arguments: the scene, first and last frame, where to.
import sys

import bpy

scene_file, first, last, out = sys.argv[1:5]
bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False, use_scripts=False)
scene = bpy.context.scene
scene.frame_start, scene.frame_end, scene.frame_step = int(first), int(last), 1
scene.render.threads_mode, scene.render.threads = "FIXED", 1
scene.render.filepath = out
bpy.ops.render.render(animation=True)
