mod adversaries;
mod conservation;
mod keys;
mod misc;
mod story;
mod support;
mod weights;
