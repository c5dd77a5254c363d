export const tab = { id: "photo", title: "Photo", mount: () => {} };
