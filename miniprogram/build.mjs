// Makes the CommonJS module of index.mjs: what the developer tools' npm build takes, and the one file to copy.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const at = name => new URL(name, import.meta.url)

export const commonJS = () =>
  readFileSync(at('index.mjs'), 'utf8').replace(/export (\{ [^}]* \})\n$/, 'module.exports = $1\n')

if (process.argv[1] === at('build.mjs').pathname) {
  mkdirSync(at('miniprogram_dist'), { recursive: true })
  writeFileSync(at('miniprogram_dist/index.js'), commonJS())
}
