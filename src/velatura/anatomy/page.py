"""One HTML page that explains the network with a photograph: text, drawing, pictures, all in it."""

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

from velatura.anatomy.look import Look
from velatura.perception.layers import BLOCKS, geometry

MAP_SIDE = 240  # pixels of a feature map on the page

FINDS = {
    "1": "Edges, blobs and colours.",
    "2": "Corners, thin lines, the texture of a brush.",
    "3": "Patterns: foliage, bricks, ripples, strokes with their direction.",
    "4": "Parts of things, wherever they are and at some distance from their exact pixels.",
    "5": "Things and their surroundings; of the pixels little is left.",
}
"""What the layers of each block mostly respond to."""

TEXTURE = """<p><strong>The texture alone.</strong> A picture found from noise that gives this layer
the painting's Gram matrix: what style is to this layer, with nothing of the layout.</p>"""

STYLE = """
:root { color-scheme: light dark; }
body { font: 17px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; }
body { padding: 0 1rem; } h1, h2 { line-height: 1.2; }
h1 { overflow-wrap: anywhere; }
h2 { margin-top: 3rem; border-top: 1px solid #8886; padding-top: 1rem; }
figure { margin: 0; } figcaption { font-size: .85rem; opacity: .8; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
.row img { max-width: 100%; height: auto; }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(max(8rem, 22%), 1fr)); }
.maps img { width: 100%; image-rendering: pixelated; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } td, th { padding: .2rem .6rem; text-align: right; }
td:first-child, th:first-child { padding-left: 0; text-align: left; }
svg { width: 100%; min-width: 42rem; height: auto; }
svg text { fill: currentColor; font: 11px system-ui, sans-serif; }
.bar { background: #4a78b5; height: .8rem; display: inline-block; }
"""


def page(
    photograph: Image.Image, painting: Image.Image | None, looks: Sequence[Look], title: str
) -> str:
    """The page, with every picture inside."""
    contents = "".join(f'<li><a href="#{look.layer}">{look.layer}</a></li>' for look in looks)
    images = _figure(photograph, "the photograph")
    if painting:
        images += _figure(painting, "the painting, at the photograph's size")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What the network sees in {escape(title)}</title><style>{STYLE}</style></head><body>
<h1>What the network sees in {escape(title)}</h1>
<p>VGG-19 was trained to name what is in a photograph. On the way from pixels to a name it looks at
the picture through layers: each turns the one before into many small pictures, its <em>feature
maps</em>, white where it finds what it looks for. Style transfer uses two things it has learnt:
where features are (<em>content</em>) and which features occur together (<em>style</em>).</p>
<div class="row">{images}</div>
<nav><h2>Contents</h2><ol><li><a href="#network">The network</a></li>
<li><a href="#reading">How to read what follows</a></li>{contents}
{'<li><a href="#distances">How far apart they are</a></li>' if painting else ""}</ol></nav>
<h2 id="network">The network</h2>
<p>Sixteen convolutions in five blocks. Between blocks height and width are halved, so that one
position sees more and more of the photograph: the <em>receptive field</em>, in pixels a side.</p>
<div class="wide">{_network(photograph.width, photograph.height)}</div>
<div class="wide">{_layers(photograph.width, photograph.height)}</div>
<h2 id="reading">How to read what follows</h2>
<p><strong>Feature maps.</strong> Of a layer's maps those that respond most, white where
strongest.</p>
<p><strong>Gram matrix.</strong> How often two maps respond at the same place, wherever that is: a
row and a column for each map, sorted by how strongly the photograph moves them. Brighter is more, a
grey level a constant factor.</p>
<p><strong>What the layer still knows.</strong> A picture found from noise that gives this layer the
photograph's features: content, as far as the layer has it.</p>
{TEXTURE if painting else ""}
{"".join(map(_section, looks))}
{_distances(looks) if painting else ""}
</body></html>
"""


def _network(width: int, height: int) -> str:
    """The layers as boxes: as high as the maps are, as wide as there are channels."""
    boxes, x = [], 10.0
    for number, block in enumerate(BLOCKS):
        scale = 1 / 2**number
        tall = 150 * scale**0.6
        left = x
        for name, channels in block:
            wide = 8 + channels / 32
            stride, reach = geometry(name)
            tip = f"{name}: {channels} maps of {width // stride}×{height // stride}"
            boxes.append(
                f'<rect x="{x:.0f}" y="{100 - tall / 2:.0f}" width="{wide:.0f}" '
                f'height="{tall:.0f}" fill="#4a78b5" opacity="{0.9 - 0.1 * number:.1f}">'
                f"<title>{tip}, field {2 * reach + stride}</title></rect>"
            )
            x += wide + 3
        first, last = block[0][0], block[-1][0]
        fields = [2 * geometry(name).reach + geometry(name).stride for name in (first, last)]
        label = [f"{first} …", f"{block[0][1]} × {width // 2**number}×{height // 2**number}"]
        label.append(f"field {fields[0]} to {fields[1]}")
        boxes += [
            f'<text x="{left:.0f}" y="{195 + 14 * k}">{line}</text>' for k, line in enumerate(label)
        ]
        x = max(x + 14, left + 125)
    return f'<svg viewBox="0 0 {x:.0f} 230" role="img" aria-label="VGG-19">{"".join(boxes)}</svg>'


def _layers(width: int, height: int) -> str:
    """The same in numbers, a row for each convolution."""
    rows = ""
    for name, channels in (layer for block in BLOCKS for layer in block):
        stride, reach = geometry(name)
        field = 2 * reach + stride
        rows += (
            f"<tr><td>{name}</td><td>{channels}</td><td>{width // stride}×{height // stride}</td>"
        )
        rows += f"<td>{field}×{field}</td></tr>"
    names = "".join(f"<th>{name}</th>" for name in ("layer", "maps", "size", "field"))
    return f"<table><tr>{names}</tr>{rows}</table>"


def _section(look: Look) -> str:
    channels, height, width = look.shape
    maps = "".join(
        _figure(_enlarged(picture), f"map {number}")
        for number, picture in zip(look.channels, look.maps, strict=True)
    )
    pictures = _figure(look.gram, "Gram matrix of the photograph")
    if look.painting_gram:
        pictures += _figure(look.painting_gram, "Gram matrix of the painting")
    found = _figure(look.reconstruction, f"what {look.layer} still knows of the photograph")
    if look.texture:
        found += _figure(look.texture, f"the painting's texture at {look.layer} alone")
    return f"""
<h2 id="{look.layer}">{look.layer}</h2>
<p>{FINDS[look.layer[4]]} {channels} maps of
{width}×{height}; one position sees {look.field}×{look.field} pixels.</p>
<div class="row maps">{maps}</div><div class="row">{pictures}</div><div class="row">{found}</div>"""


def _distances(looks: Sequence[Look]) -> str:
    rows = "".join(
        f"<tr><td>{look.layer}</td><td>{_bar(look.content_distance)}</td>"
        f"<td>{_bar(look.style_distance)}</td></tr>"
        for look in looks
    )
    return f"""<h2 id="distances">How far apart they are</h2>
<p>Content: squared difference of features, relative to the photograph's. Style: squared Wasserstein
distance of second moments, relative to the painting's. 0 is the same, 1 as far as nothing at
all.</p><table><tr><th>layer</th><th>content</th><th>style</th></tr>{rows}</table>"""


def _bar(value: float | None) -> str:
    value = value or 0.0
    return f'{value:.3f} <span class="bar" style="width:{min(value, 3) * 4:.2f}rem"></span>'


def _enlarged(picture: Image.Image) -> Image.Image:
    factor = MAP_SIDE / max(picture.size)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.BOX if factor < 1 else Image.Resampling.NEAREST)


def _figure(picture: Image.Image, caption: str) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" width="{picture.width}" '
        f'height="{picture.height}" alt="{escape(caption)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
