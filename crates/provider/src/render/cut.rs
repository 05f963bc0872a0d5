//! What a unit is of its frame, and how it is cut into tiles: a whole frame by the job's grid; of a split frame one tile of that
//! grid, which is cut by the same grid again.

use farm::Digest;
use farm::pixels::{Buffers, PixelError, Rect, TileGrid, tile_digest};
use proto::tetra::render::v1 as wire;
use serde::{Deserialize, Serialize};

use super::trouble::Trouble;

/// The region that a unit renders, in tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cut {
    /// Width and height of the frame in pixels.
    pub(crate) frame: (u32, u32),
    /// What is rendered of it.
    pub(crate) region: Rect,
    /// The tiles of that.
    pub(crate) grid: TileGrid,
}

fn grid(wanted: wire::TileGrid, width: u32, height: u32) -> Result<TileGrid, Trouble> {
    let wire::TileGrid { columns, rows } = wanted;
    let wrong = || {
        let text = format!("{width} by {height} pixels cannot be cut into {columns} by {rows} tiles");
        Trouble::Unsupported(text)
    };
    if columns == 0 || rows == 0 {
        return Err(wrong());
    }
    let grid = TileGrid::new(width, height, width.div_ceil(columns), height.div_ceil(rows)).map_err(|_| wrong())?;
    if (grid.columns(), grid.rows()) == (columns, rows) { Ok(grid) } else { Err(wrong()) }
}

impl Cut {
    /// A unit of a job with this grid; `tile` is below zero for a whole frame.
    pub(crate) fn of(wanted: Option<&wire::TileGrid>, frame: (u32, u32), tile: i32) -> Result<Self, Trouble> {
        let wanted = wanted.copied().unwrap_or_default();
        let whole = grid(wanted, frame.0, frame.1)?;
        let Ok(tile) = u32::try_from(tile) else {
            let region = Rect { x: 0, y: 0, width: frame.0, height: frame.1 };
            return Ok(Self { frame, region, grid: whole });
        };
        let region = whole.rect(tile);
        let region = region.ok_or_else(|| Trouble::Odd(format!("the frame has no tile {tile}")))?;
        Ok(Self { frame, region, grid: grid(wanted, region.width, region.height)? })
    }

    /// Whether it is less than its frame.
    pub(crate) fn is_part(&self) -> bool {
        (self.region.width, self.region.height) != self.frame
    }

    /// Where a tile lies in the frame; none where there is no such tile.
    pub(crate) fn rect(&self, index: u32) -> Option<Rect> {
        let tile = self.grid.rect(index)?;
        Some(Rect { x: self.region.x + tile.x, y: self.region.y + tile.y, ..tile })
    }

    /// Digests of the tiles in order.
    pub(crate) fn digests(&self, buffers: &Buffers) -> Result<Vec<Digest>, PixelError> {
        let rects = (0..self.grid.count()).filter_map(|index| self.rect(index));
        rects.map(|rect| buffers.crop(rect).map(|tile| tile_digest(&tile))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(columns: u32, rows: u32, frame: (u32, u32), tile: i32) -> Result<Cut, Trouble> {
        Cut::of(Some(&wire::TileGrid { columns, rows }), frame, tile)
    }

    #[test]
    fn whole_frames_are_cut_by_the_grid() {
        let whole = cut(4, 3, (160, 90), -1).unwrap();
        assert!(!whole.is_part() && whole.grid.count() == 12);
        assert_eq!(cut(3, 1, (160, 90), -1).unwrap().rect(2).unwrap().width, 52);
        // Nine pixels in tiles of three are three columns.
        assert_eq!(cut(4, 1, (9, 9), -1).unwrap_err().code(), Some("bad_scene"));
        assert!(Cut::of(None, (9, 9), -1).is_err());
    }

    #[test]
    fn a_tile_of_a_split_frame_is_cut_again() {
        let tile = cut(2, 2, (160, 90), 3).unwrap();
        assert!(tile.is_part());
        assert_eq!(tile.region, Rect { x: 80, y: 45, width: 80, height: 45 });
        let rects: Vec<Rect> = (0..4).map(|index| tile.rect(index).unwrap()).collect();
        assert_eq!(rects[3], Rect { x: 120, y: 68, width: 40, height: 22 });
        assert!(rects.iter().all(|rect| tile.region.contains(rect)));
        assert_eq!(rects.iter().map(Rect::area).sum::<u64>(), tile.region.area());
        assert!(tile.rect(4).is_none() && cut(2, 2, (160, 90), 4).is_err());
    }
}
