# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later
#
# Puts scripts into a scene that would run by themselves: a text block and a driver. Arguments: scene, file that they would
# write, address that they would call, output path.

import sys

import bpy

scene, file, port, out = sys.argv[-4:]
bpy.ops.wm.open_mainfile(filepath=scene)
text = bpy.data.texts.new("startup.py")
text.write(
    f"""
import socket
def attack(*_):
    told = open({file!r}, "w")
    told.write("ran")
    told.close()
    socket.create_connection(("127.0.0.1", {port}), 5).close()
attack()
"""
)
text.use_module = True
ball = bpy.data.objects["Ball"]
driver = ball.driver_add("location", 0).driver
driver.type = "SCRIPTED"
driver.expression = f"open({file!r}, 'w').close() or 1.0"
bpy.ops.wm.save_as_mainfile(filepath=out)
