// Types of preact.js, which is htm/preact/standalone.module.js of htm 3.1.1.
export * from 'htm/preact';
