/**
 * A signal that aborts after `ms` with a `TimeoutError`, as that of `AbortSignal.timeout` does, and keeps no process
 * alive. But it fires: Node's `AbortSignal.any` holds its sources weakly, and a timeout that nobody else holds is
 * collected before its time. Source: https://github.com/nodejs/node/issues/57736.
 */
export function timeLimit(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new DOMException("The time is up.", "TimeoutError")), ms).unref();
  return controller.signal;
}
