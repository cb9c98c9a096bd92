/** A process that answers every message with the same; says one itself when it is there. */
process.on("message", (message) => process.send?.(message));
process.send?.("here");
