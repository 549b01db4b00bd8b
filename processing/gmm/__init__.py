"""Ground-motion models: published equations, BMKG's chain of them, and its proof."""
