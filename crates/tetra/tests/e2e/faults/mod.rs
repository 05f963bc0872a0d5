//! What happens when processes die, the chain stands still, or a disk is full: a lease ends in a defined state, nothing
//! is left on the machine, no unit of money is lost.
//!
//! | module | story |
//! |---|---|
//! | [`agent`] | the provider's agent dies while containers run; an escrow runs dry |
//! | [`phases`] | the agent dies at each named point of a lease |
//! | [`tenant`] | the tenant's command dies at each of its steps |
//! | [`chain`] | the node dies under a running lease; the chain stands still |
//! | [`containers`] | a container that ends again and again |
//! | [`disk`] | a full disk, of the node, of the provider, of a container |
//! | [`leftovers`] | what agents left that never return |
//! | [`random`] | all of it in random order, with `--full` |
//! | [`part`], [`audit`] | processes of a network; its money, counted from outside |

mod agent;
mod audit;
mod chain;
mod containers;
mod disk;
mod leftovers;
mod part;
mod phases;
mod random;
mod tenant;
