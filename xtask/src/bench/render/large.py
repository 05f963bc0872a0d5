# A scene that is large by its packed images. Arguments: where to, megabytes, and what is changed: `none`, or `some`, which is a
# hundredth of the bytes: half of them overwrite the insides of five images, half are new images between the old ones.
import random
import sys

import bpy

out, megabytes, change = sys.argv[1], int(sys.argv[2]), sys.argv[3]
MB = 1 << 20
EACH = 8 * MB
hundredth = megabytes * MB // 100

bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(camera)
scene.camera = camera
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.render.resolution_x, scene.render.resolution_y = 64, 64
scene.frame_start = scene.frame_end = 1


def pack(name, content):
    image = bpy.data.images.new(name, 1, 1)
    image.pack(data=content, data_len=len(content))
    image.source = "FILE"
    image.use_fake_user = True


count = megabytes * MB // EACH
changed = {count * place // 6 for place in range(1, 6)} if change == "some" else set()
for number in range(count):
    content = bytearray(random.Random(number).randbytes(EACH))
    if number in changed:
        part = hundredth // 2 // len(changed)
        content[EACH // 3 : EACH // 3 + part] = random.Random(-number).randbytes(part)
    pack(f"image {number:04}", bytes(content))
    if change == "some" and number == count // 2:
        pack(f"image {number:04} new", random.Random("new").randbytes(hundredth - hundredth // 2))
bpy.ops.wm.save_as_mainfile(filepath=out, compress=False)
