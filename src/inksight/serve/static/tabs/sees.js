export const tab = { id: "sees", title: "What it sees", mount: () => {} };
