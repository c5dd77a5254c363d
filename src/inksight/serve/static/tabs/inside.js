export const tab = { id: "inside", title: "Look inside", mount: () => {} };
