mod closing;
mod model;
mod params;
mod replay;
mod self_dealing;
