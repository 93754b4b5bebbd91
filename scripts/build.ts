// Bundles the program: dist/switchyard.mjs, and beside it a part for each of its entries, so that a process loads what it is and no more.
import { existsSync, statSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = new URL('../', import.meta.url)
const entry = fileURLToPath(new URL('src/main.ts', root))

/** Where the bundle is written. */
export const bundlePath: string = fileURLToPath(new URL('dist/switchyard.mjs', root))

/** The thread that hashes downloads: a file of its own beside the bundle, so that it starts small. */
const threadIn = (sources: string): string => join(sources, 'worker/transfer/hash-thread.ts')
const threadPath = (output: string): string => join(dirname(output), 'hash-thread.mjs')

/** Why there can be no bundle, in one line; undefined when there can. */
export const whyNoBundle = (): string | undefined =>
  existsSync(entry) ? undefined : 'src/main.ts is not there'

const oldest = 22
const tooOld = `Switchyard needs Node ${oldest} or newer (24 is best); this is Node `

/** Runs before anything bundled does: packages that cannot load on an old Node must not speak first. */
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  `if (parseInt(process.versions.node) < ${oldest}) { console.error(${JSON.stringify(tooOld)} + process.versions.node + '.'); process.exit(1); }`,
].join('')

/** Writes the bundle and its thread; ES modules in which bundled CommonJS packages still find `require`. */
export async function bundle(output: string = bundlePath, from: string = entry): Promise<string> {
  await Promise.all([write(from, output), write(threadIn(dirname(entry)), threadPath(output))])
  return output
}

/** The whole program of other sources: the `src` of a former version. */
export async function bundleSources(output: string, sources: string): Promise<string> {
  await Promise.all([write(join(sources, 'main.ts'), output), write(threadIn(sources), threadPath(output))])
  return output
}

/** client-node says nothing of it: what nobody imports of it, a class for each kind of object above all, does nothing by itself. */
const withoutUnread: Plugin = {
  name: 'without-unread',
  setup: ({ onResolve, resolve }) => {
    onResolve({ filter: /./ }, async ({ path, pluginData, kind, importer, resolveDir }) => {
      const isOfClient = /@kubernetes\/client-node/.test(importer + path) && kind === 'import-statement'
      if (pluginData === withoutUnread || !isOfClient) return undefined
      const found = await resolve(path, { kind, importer, resolveDir, pluginData: withoutUnread })
      return found.path.includes('/@kubernetes/client-node/') ? { ...found, sideEffects: false } : found
    })
  },
}

/** What is used of undici, from where it lies: its index loads mocks, caches and web sockets too, and each process pays for them. */
const smallUndici: Plugin = {
  name: 'small-undici',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^undici$/ }, ({ kind }) =>
      kind === 'import-statement' ? { path: 'undici', namespace: 'small-undici' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'small-undici' }, () => ({
      contents: undiciInUse,
      resolveDir: fileURLToPath(root),
    }))
  },
}

/** A name that is missing here fails the build. What fetch stands on is loaded by whoever calls it: the half of undici, and node:zlib. */
const undiciInUse = `
  import Dispatcher from 'undici/lib/dispatcher/dispatcher.js'
  import api from 'undici/lib/api/index.js'
  export { default as Agent } from 'undici/lib/dispatcher/agent.js'
  export { default as ProxyAgent } from 'undici/lib/dispatcher/proxy-agent.js'
  export { default as EnvHttpProxyAgent } from 'undici/lib/dispatcher/env-http-proxy-agent.js'
  export const fetch = (...all) => require('undici/lib/web/fetch/index.js').fetch(...all)
  Object.assign(Dispatcher.prototype, api)
`

/** What client-node needs behind a proxy or for a login of its own, and nobody else: loaded by whoever comes to use it. */
const rarely = /^(socks|socks-proxy-agent|hpagent|jsonpath-plus|openid-client)$/

/** Each name that the importer takes of such a package is a getter that loads it. */
const lazyRarely: Plugin = {
  name: 'lazy-rarely',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: rarely }, ({ path, kind, importer, resolveDir }) =>
      kind === 'import-statement' && /@kubernetes\/client-node/.test(importer)
        ? { path, namespace: 'lazily', suffix: `?${importer}`, pluginData: { importer, resolveDir } }
        : undefined,
    )
    onLoad({ filter: /./, namespace: 'lazily' }, async ({ path, pluginData: { importer, resolveDir } }) => {
      const names = namesTaken(await readFile(importer, 'utf8'), path)
      if (names.length === 0) throw new Error(`${importer} takes nothing of ${path} that is known here`)
      const getters = names.map(name => `get ${name}() { return require('${path}').${name} },`)
      return { contents: `module.exports = { ${getters.join(' ')} }`, resolveDir }
    })
  },
}

/** Of `import { a, b } from 'x'` and of `import * as x from 'x'`, by what stands behind its dot. */
const namesTaken = (text: string, from: string): readonly string[] => {
  const [, named, all] =
    new RegExp(`import (?:\\{([^}]*)\\}|\\* as (\\w+)) from ['"]${from}['"]`).exec(text) ?? []
  const dotted = all ? [...text.matchAll(new RegExp(`\\b${all}\\.(\\w+)`, 'g'))].map(([, name]) => name) : []
  const found = [...(named ?? '').split(','), ...dotted].map(name => name?.trim() ?? '')
  return [...new Set(found.filter(Boolean))]
}

/** Imported or required, node:http shows all its names, a second HTTP client behind one of them: 45 ms. Asked for, it does not. */
const plainHttp: Plugin = {
  name: 'plain-http',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'http', namespace: 'plain-http' }))
    onLoad({ filter: /./, namespace: 'plain-http' }, () => ({
      contents: "module.exports = process.getBuiltinModule('node:http')",
    }))
  },
}

/** The files of a bundled program: itself, its parts, its thread. */
export const filesOf = async (output: string): Promise<string[]> => {
  const names = await readdir(dirname(output))
  return [
    output,
    threadPath(output),
    ...names.filter(isPartOf(output)).map(name => join(dirname(output), name)),
  ]
}

const stem = (output: string): string => basename(output, '.mjs')
const isPartOf =
  (output: string) =>
  (name: string): boolean =>
    name.startsWith(`${stem(output)}-`) && /-[A-Z0-9]{8}\.mjs$/.test(name)

const write = async (from: string, output: string): Promise<void> => {
  const { outputFiles } = await build({
    entryPoints: [{ in: from, out: stem(output) }],
    outdir: dirname(output),
    outExtension: { '.js': '.mjs' },
    chunkNames: `${stem(output)}-[name]-[hash]`,
    splitting: true,
    write: false,
    bundle: true,
    // Names stay as they are: kept beside shorter ones, they cost 10 MB of memory that comes back to nobody after the start.
    minifyWhitespace: true,
    minifySyntax: true,
    plugins: [plainHttp, lazyRarely, withoutUnread, smallUndici],
    platform: 'node',
    target: 'node24',
    format: 'esm',
    legalComments: 'none',
    banner: { js: banner },
    logLevel: 'error',
  })
  await mkdir(dirname(output), { recursive: true })
  // parts before who loads them
  const inOrder = outputFiles.toReversed()
  for (const { path, text } of inOrder) await writeWhole(path, toAscii(text))
  await removeOld(output, new Set(outputFiles.map(({ path }) => basename(path))))
}

/** Whoever reads it meanwhile reads what was there before. */
const writeWhole = async (path: string, text: string): Promise<void> => {
  const part = `${path}.${process.pid}`
  await writeFile(part, text)
  await rename(part, path)
}

const removeOld = async (output: string, written: ReadonlySet<string>): Promise<void> => {
  for (const name of (await readdir(dirname(output))).filter(isPartOf(output)))
    if (!written.has(name)) await rm(join(dirname(output), name), { force: true })
}

/** One letter beyond Latin-1, in a pattern for example, and the whole text is held in memory with two bytes a letter. */
const toAscii = (text: string): string =>
  text.replace(/[^\x00-\x7f]/g, letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)

if (import.meta.main) {
  const output = await bundle()
  const bytes = (await filesOf(output)).reduce((sum, file) => sum + statSync(file).size, 0)
  console.log(`${output} (${Math.round(bytes / 1024)} kB with its parts)`)
}
