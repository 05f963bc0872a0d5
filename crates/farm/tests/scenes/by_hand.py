# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later
#
# What an artist does: opens a scene, goes to a frame, renders it. Arguments: scene, frame, output path without extension.

import sys

import bpy

scene, frame, out = sys.argv[-3:]
bpy.ops.wm.open_mainfile(filepath=scene)
bpy.context.scene.frame_set(int(frame))
bpy.context.scene.render.filepath = out
bpy.ops.render.render(write_still=True)
