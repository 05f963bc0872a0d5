//! Which frames a job has, in what order they are rendered, and what their files are called.
//!
//! | module | what it holds |
//! |---|---|
//! | `list` | [`FrameList`]: `1,4,10-20,1-100:5` |
//! | `order` | [`Order`]: forward, every n-th first, bisect |
//! | `names` | [`NameTemplate`]: `{scene}/{frame:4}` |

mod list;
mod names;
mod order;

pub use list::{FrameList, FrameListError, MAX_FRAME, MAX_FRAMES};
pub use names::{NameError, NameTemplate, Names};
pub use order::{Order, OrderError};
