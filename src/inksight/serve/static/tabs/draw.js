/** Draw, and the answer comes as you go. */

export const tab = { id: "draw", title: "Draw", mount: () => {} };
