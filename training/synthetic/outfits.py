"""What people wear: a plan of pieces drawn at random, from swimwear to suit, independent of pose and shape."""

from dataclasses import dataclass, replace

import numpy as np

from .garments import Asset
from .shells import Tailor
from .textures import MELANGE, dyed, sample_dye, sample_dyes

STYLES = {"suit": 0.25, "casual": 0.33, "sport": 0.14, "tight": 0.12, "dress": 0.08, "bare": 0.08}
"""Shares of people in a garment of the pack, in everyday clothes, kits, leotards and the like, dresses, swimwear."""
IDENTITY = np.eye(3, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Worn:
    """A garment of the pack, with a colour matrix for its upper and one for its lower pieces."""

    asset: Asset
    upper: np.ndarray
    lower: np.ndarray
    texture: np.ndarray


@dataclass(frozen=True, eq=False)
class Cloth:
    """A shell: stand-off (V,) and cut (V,) in metres, a tile, its dyes (3, 3), and how many tiles go into a metre."""

    offset: np.ndarray
    cut: np.ndarray
    tile: np.ndarray
    dyes: np.ndarray
    repeat: float
    shine: float = 0.0


@dataclass(frozen=True, eq=False)
class Skirt:
    """`waist` is a height in the template, `length` and `flare` are metres."""

    waist: float
    length: float
    flare: float
    folds: int
    tile: np.ndarray
    dyes: np.ndarray
    repeat: float


@dataclass(frozen=True, eq=False)
class Outfit:
    worn: list[Worn]
    cloths: list[Cloth]
    skirts: list[Skirt]


class Wardrobe:
    """Everything there is to wear. `tailor` cuts shells, `assets` are the pack's garments, `tiles` woven textures."""

    def __init__(self, tailor: Tailor, assets: list[Asset], tiles: list[np.ndarray]):
        self.tailor, self.tiles = tailor, tiles
        self.melange = tiles[MELANGE]
        self.kinds = {kind: [a for a in assets if a.kind == kind] for kind in ("suit", "shoes", "hair", "hat")}

    def sample(self, woman: bool, rng: np.random.Generator) -> Outfit:
        worn, cloths, skirts = [], [], []
        style = rng.choice(list(STYLES), p=list(STYLES.values()))
        if style == "suit" and not self.kinds["suit"]:
            style = "casual"
        if style == "suit":
            prefix = "female" if woman == (rng.random() < 0.9) else "male"
            suits = [suit for suit in self.kinds["suit"] if suit.name.startswith(prefix)]
            worn.append(self._dyed(suits[rng.integers(len(suits))], rng))
        else:
            {"casual": self._casual, "sport": self._sport, "tight": self._tight, "dress": self._dress,
             "bare": self._bare}[style](woman, cloths, skirts, rng)  # fmt: skip
        self._shoe(style, worn, cloths, rng)
        self._hair(woman, worn, cloths, rng)
        if style in ("suit", "casual") and rng.random() < 0.2:
            cloths.append(self._jacket(rng))
        if rng.random() < 0.04:  # gloves
            cloths.append(self._cloth(-self.tailor.sleeves(1.02), 0.003, rng))
        return Outfit(worn, cloths, skirts)

    def _dyed(self, asset: Asset, rng: np.random.Generator) -> Worn:
        if asset.texture is None:
            return Worn(asset, sample_dyes(rng), sample_dyes(rng), self._tile(rng))

        def colours() -> np.ndarray:
            if rng.random() < 0.35:
                return IDENTITY * np.float32(rng.uniform(0.6, 1.3))
            return dyed(asset.mean, sample_dye(rng), rng.uniform(0.6, 1.0))

        return Worn(asset, colours(), colours(), asset.texture)

    def _tile(self, rng: np.random.Generator) -> np.ndarray:
        return self.tiles[0 if rng.random() < 0.3 else rng.integers(len(self.tiles))]

    def _cloth(self, cut: np.ndarray, offset: np.ndarray | float, rng) -> Cloth:
        """A shell with folds, of any cloth."""
        folds = self.tailor.ripples(rng)
        stand = np.maximum(offset + np.minimum(0.25 * np.asarray(offset), 0.006) * folds, 0.003)
        stand = np.broadcast_to(stand, cut.shape).astype(np.float32)
        repeat = rng.uniform(1.5, 8)
        return Cloth(stand, cut.astype(np.float32), self._tile(rng), sample_dyes(rng), repeat)

    def _loose(self, cut_end: np.ndarray, reach: float, amount: float) -> np.ndarray:
        """Stand-off that grows towards a hem, where `cut_end` is 0, over `reach` metres."""
        return 0.005 + amount * np.clip(1 - cut_end / reach, 0, 1)

    def _top(self, rng, sleeve: float | None = None, hem: float | None = None, loose: float | None = None) -> Cloth:
        """Shirt, vest, jumper."""
        tailor = self.tailor
        sleeve = rng.choice([0.0, 0.12, 0.4, 0.45, 0.6, 0.98, 1.0]) + rng.normal(0, 0.03) if sleeve is None else sleeve
        hem = rng.uniform(-0.36, -0.12) if hem is None else hem
        loose = rng.gamma(1.5, 0.012) if loose is None else loose
        neck, ends, bottom = self._neck(rng), tailor.sleeves(sleeve), tailor.above(hem)
        chest = np.clip(1 - np.abs(tailor.y) / 0.35, 0, 1) * (tailor.out < 0.22)
        offset = np.maximum(self._loose(bottom, 0.45, loose), self._loose(ends, 0.35, loose * 0.8) * (tailor.out > 0.2))
        return self._cloth(np.minimum(np.minimum(neck, ends), bottom), offset + 0.2 * loose * chest, rng)

    def _neck(self, rng) -> np.ndarray:
        return self.tailor.neckline(rng.uniform(-0.04, 0.03), rng.choice([0.0, 0.0, rng.uniform(0.03, 0.12)]))

    def _trousers(self, rng, length: float | None = None, loose: float | None = None) -> Cloth:
        tailor = self.tailor
        length = rng.choice([0.12, 0.25, 0.4, 0.7, 1.0, 1.05]) + rng.normal(0, 0.03) if length is None else length
        loose = rng.gamma(1.5, 0.015) if loose is None else loose
        end = tailor.legs(length)
        cut = np.minimum(np.minimum(end, tailor.below(rng.uniform(-0.17, -0.05))), tailor.sleeves(0.6))
        return self._cloth(cut, self._loose(end, 0.2 + 0.5 * length, loose), rng)

    def _casual(self, woman, cloths, skirts, rng) -> None:
        cloths.append(self._trousers(rng))
        if woman and rng.random() < 0.3:
            skirts.append(self._skirt(rng))
            cloths.pop()
            cloths.append(self._briefs(rng))
        cloths.append(self._top(rng))

    def _sport(self, woman, cloths, skirts, rng) -> None:
        """A kit: shorts and shirt of one team."""
        shirt = self._top(rng, sleeve=rng.choice([0.0, 0.1, 0.42, 1.0]), loose=rng.gamma(2, 0.01))
        shorts = self._trousers(rng, length=rng.choice([0.15, 0.35, 0.45, 1.0]), loose=rng.gamma(2, 0.012))
        if rng.random() < 0.5:
            shorts = replace(shorts, tile=shirt.tile, dyes=shirt.dyes, repeat=shirt.repeat)
        cloths += [shorts, shirt]

    def _tight(self, woman, cloths, skirts, rng) -> None:
        """Leotard, wetsuit, leggings, swimsuit."""
        tailor, shine = self.tailor, rng.uniform(0, 0.4)
        neck, sleeve = self._neck(rng), tailor.sleeves(rng.choice([-0.12, 0.0, 0.5, 1.0]))
        if rng.random() < 0.5:
            bottom = tailor.briefs(rng.uniform(-0.42, -0.38), rng.uniform(0.3, 1.3))
        else:
            bottom = tailor.legs(rng.choice([0.2, 0.5, 0.8, 1.0]))
        suit = self._cloth(np.minimum(np.minimum(neck, sleeve), bottom), 0.003, rng)
        cloths.append(replace(suit, shine=shine))
        if rng.random() < 0.3:  # of two pieces
            cut = np.minimum(tailor.legs(rng.choice([0.2, 0.5, 1.0])), tailor.below(rng.uniform(-0.15, -0.02)))
            cloths.append(self._cloth(np.minimum(cut, tailor.sleeves(0.6)), 0.004, rng))

    def _dress(self, woman, cloths, skirts, rng) -> None:
        if not woman:
            return self._casual(woman, cloths, skirts, rng)
        skirt = self._skirt(rng)
        top = self._top(rng, hem=skirt.waist - 0.03, loose=0.004)
        cloths += [self._briefs(rng), replace(top, tile=skirt.tile, dyes=skirt.dyes, repeat=skirt.repeat)]
        skirts.append(skirt)

    def _bare(self, woman, cloths, skirts, rng) -> None:
        """Shorts or swimwear and no more."""
        shorts = rng.random() < 0.6
        cloths.append(self._trousers(rng, rng.choice([0.1, 0.3, 0.45, 1.0])) if shorts else self._briefs(rng))
        if woman:
            cloths.append(self._top(rng, sleeve=-0.1, hem=rng.uniform(-0.02, 0.02), loose=0.0))

    def _briefs(self, rng) -> Cloth:
        tailor = self.tailor
        cut = np.minimum(tailor.briefs(rng.uniform(-0.42, -0.38), rng.uniform(0.2, 1.2)), tailor.below(-0.15))
        return self._cloth(np.minimum(cut, tailor.sleeves(0.6)), 0.003, rng)

    def _skirt(self, rng) -> Skirt:
        length = rng.choice([0.3, 0.45, 0.6, 0.9]) * rng.uniform(0.9, 1.1)
        flare = rng.uniform(0.0, 0.35) * length
        waist, folds = rng.uniform(-0.13, -0.02), int(rng.integers(5, 14))
        return Skirt(waist, length, flare, folds, self._tile(rng), sample_dyes(rng), rng.uniform(1.5, 6))

    def _jacket(self, rng) -> Cloth:
        tailor = self.tailor
        ends, hem = tailor.sleeves(rng.choice([0.9, 1.0])), tailor.above(rng.uniform(-0.45, -0.2))
        cut = np.minimum(np.minimum(tailor.neckline(rng.uniform(0, 0.04)), ends), hem)
        if rng.random() < 0.7:
            cut = np.minimum(cut, tailor.open_front(rng.uniform(0.01, 0.07)))
        loose = rng.uniform(0.015, 0.035)
        return self._cloth(cut, np.maximum(0.018, self._loose(hem, 0.4, loose)), rng)

    def _shoe(self, style: str, worn, cloths, rng) -> None:
        tailor, kind = self.tailor, rng.random()
        barefoot = {"tight": 0.6, "bare": 0.6}.get(style, 0.12)
        if kind < barefoot:
            return
        if rng.random() < 0.6:
            height = tailor.height_of("left_ankle") + rng.choice([0.05, 0.12, 0.3])
            cloths.append(self._cloth(np.minimum(tailor.below(height), tailor.sleeves(0.6)), 0.003, rng))
        shoes = self.kinds["shoes"]
        if shoes and rng.random() < 0.85:
            worn.append(self._dyed(shoes[rng.integers(len(shoes))], rng))

    def _hair(self, woman, worn, cloths, rng) -> None:
        tailor, colour = self.tailor, _hair_colour(rng)
        styles = [hair for hair in self.kinds["hair"] if hair.texture is not None]
        if not woman:
            styles = [hair for hair in styles if hair.name.startswith("short")]
        if styles and rng.random() < 0.75:
            hair = styles[rng.integers(len(styles))]
            matrix = dyed(hair.mean, colour, rng.uniform(0.5, 1.0))
            worn.append(Worn(hair, matrix, matrix, hair.texture))
        elif rng.random() < 0.8:
            scalp = tailor.scalp(rng.uniform(0.08, 0.12), rng.uniform(-0.05, 0.02))
            dyes = np.outer(colour, [1, 0.5, 0.5]).astype(np.float32)
            cropped = self._cloth(scalp, rng.uniform(0.004, 0.02), rng)
            cloths.append(replace(cropped, tile=self.melange, dyes=dyes, repeat=8.0))
        if rng.random() < 0.12:
            scalp = tailor.scalp(rng.uniform(0.06, 0.1), rng.uniform(-0.02, 0.03))
            cap = self._cloth(scalp, rng.uniform(0.015, 0.035), rng)
            cloths.append(replace(cap, shine=float(rng.choice([0.0, 0.5]))))
        elif self.kinds["hat"] and rng.random() < 0.04:
            worn.append(self._dyed(self.kinds["hat"][rng.integers(len(self.kinds["hat"]))], rng))


def _hair_colour(rng: np.random.Generator) -> np.ndarray:
    """Linear: black, browns, blonde, red, grey."""
    colours = [[0.012, 0.010, 0.009], [0.04, 0.022, 0.013], [0.10, 0.055, 0.03], [0.38, 0.26, 0.13], [0.2, 0.06, 0.02],
               [0.35, 0.33, 0.31]]  # fmt: skip
    return np.array(colours[rng.choice(6, p=[0.3, 0.27, 0.17, 0.13, 0.05, 0.08])]) * rng.uniform(0.7, 1.3)
