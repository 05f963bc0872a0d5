# SPDX-License-Identifier: Apache-2.0 OR GPL-3.0-or-later
#
# Gives a scene a texture that lies beside it instead of in it. Arguments: scene, path of the texture, whether it is there
# (`there` or `lost`), output path.

import os
import sys

import bpy

scene, texture, there, out = sys.argv[-4:]
bpy.ops.wm.open_mainfile(filepath=scene)
image = bpy.data.images["rings"]
image.filepath_raw, image.file_format = texture, "PNG"
image.save()
image.unpack(method="REMOVE")
image.filepath = texture
bpy.ops.wm.save_as_mainfile(filepath=out, relative_remap=False)
if there == "lost":
    os.remove(texture)
