// Server-sent events. The browser itself goes on where it was after a cut; what it gives up on is begun
// again here.

/**
 * Calls handlers by the name of an event, with its data, until the returned function is called. status
 * hears whether there is a connection.
 * @param {string} url
 * @param {Record<string, (data: any) => void>} handlers
 * @param {(connected: boolean) => void} status
 * @returns {() => void}
 */
export function listen(url, handlers, status) {
  let last = '';
  let over = false;
  /** @type {EventSource} */
  let source;
  const connect = () => {
    if (over) return;
    source = new EventSource(last ? url + '?after=' + encodeURIComponent(last) : url);
    source.onopen = () => status(true);
    source.onerror = () => {
      status(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        last = event.lastEventId || last;
        handle(JSON.parse(event.data));
      });
    }
  };
  connect();
  return () => {
    over = true;
    source.close();
  };
}
