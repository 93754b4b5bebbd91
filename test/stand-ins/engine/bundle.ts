// Bundles the engine stand-in into one program per command name, as a pod image needs them.
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The names under which the real engines are started. */
const ENGINE_PROGRAMS = ['vllm', 'ollama', 'python3'] as const

/** Writes `<folder>/{vllm,ollama,python3}`: executable files that `node` (an absolute path in the image) runs. */
export async function bundleEngine(folder: string, node = '/usr/bin/env node'): Promise<string[]> {
  mkdirSync(folder, { recursive: true })
  const first = join(folder, ENGINE_PROGRAMS[0])
  await build({
    entryPoints: [fileURLToPath(new URL('./main.ts', import.meta.url))],
    outfile: first,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // A bundled CommonJS package asks for node's own modules by require.
    banner: {
      js: `#!${node}\nimport { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)`,
    },
    logLevel: 'error',
  })
  for (const name of ENGINE_PROGRAMS.slice(1)) copyFileSync(first, join(folder, name))
  for (const name of ENGINE_PROGRAMS) chmodSync(join(folder, name), 0o755)
  return ENGINE_PROGRAMS.map(name => join(folder, name))
}
