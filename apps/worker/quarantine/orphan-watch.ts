/**
 * A thread of the process that runs a task alone. Its worker may die, and the task compute for ever: nobody would be left
 * to end it. Started as a Worker.
 */

const LOOK_MS = 250;
const parent = process.ppid;

setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
}, LOOK_MS);
