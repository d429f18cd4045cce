import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import esbuild from 'esbuild'
import { commonJS } from '../build.mjs'
import * as esm from '../index.mjs'

const require = createRequire(import.meta.url)
const folder = new URL('..', import.meta.url).pathname
const read = name => readFileSync(folder + name, 'utf8')

test('it is small', () => {
  for (const [name, format] of [['index.mjs', 'esm'], ['miniprogram_dist/index.js', 'cjs']]) {
    const { code } = esbuild.transformSync(read(name), { minify: true, format, target: 'es2015' })
    const zipped = gzipSync(code, { level: 9 }).length
    console.log(`${name}: ${code.length} bytes minified, ${zipped} gzipped`)
    assert.ok(code.length <= 8 * 1024, `${code.length} bytes`)
    assert.ok(zipped <= 3.5 * 1024, `${zipped} bytes gzipped`)
  }
})

test('the CommonJS module is made of the ES module', () => {
  assert.ok(read('miniprogram_dist/index.js') === commonJS(), 'it is not: npm run build')
  assert.deepEqual(Object.keys(require('wxnotify-miniprogram')), Object.keys(esm))
})

test('it runs on phones of 2019', () => {
  // ES2015 and nothing newer: esbuild would have to rewrite what is not.
  const as = target => esbuild.transformSync(read('index.mjs'), { target, minifyWhitespace: true }).code
  assert.ok(as('es2015') === as('esnext'), 'it is written in newer words')
  assert.doesNotMatch(read('index.mjs'), /\b(import|require)\b *[('"{]/, 'it has dependencies')
})

test('npm pack holds what it should', () => {
  const [pack] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: folder, encoding: 'utf8' }))
  assert.deepEqual(pack.files.map(f => f.path).sort(), [
    'LICENSE', 'README.md', 'README.zh-CN.md', 'index.d.ts', 'index.mjs', 'miniprogram_dist/index.js', 'package.json',
  ])
  const { main, module, types, miniprogram, dependencies } = require('../package.json')
  for (const path of [main, module, types]) assert.ok(pack.files.some(f => f.path === path), path)
  assert.ok(main.startsWith(miniprogram + '/') && !dependencies)
})

test('package-lock.json names no registry', () => assert.doesNotMatch(read('package-lock.json'), /"resolved"/))

test('types, against those of wx and of the Chat SDK', () => {
  try {
    execFileSync(process.execPath, [require.resolve('typescript/package.json').replace('package.json', 'bin/tsc'), '-p', folder + 'test/types'], { encoding: 'utf8' })
  } catch (e) {
    assert.fail(e.stdout || e.message)
  }
})
