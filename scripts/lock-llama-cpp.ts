// Writes src/embedded/llama-cpp.lock.json: which packages, with their digests, the embedded engine is installed from.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const version = '3.22.1'
/** The CPU's alone: what runs on a GPU is a matter of vLLM and Ollama. */
const dependencies = {
  'node-llama-cpp': version,
  '@node-llama-cpp/linux-x64': version,
  '@node-llama-cpp/linux-arm64': version,
}
const output = fileURLToPath(new URL('../src/embedded/llama-cpp.lock.json', import.meta.url))
/** npm would miss the variants for GPUs and other systems when the lock said that they could be there. */
const unread = [
  ...['license', 'funding', 'engines', 'bin', 'deprecated', 'hasInstallScript'],
  ...['optionalDependencies', 'peerDependencies', 'peerDependenciesMeta'],
]

const folder = mkdtempSync(join(tmpdir(), 'switchyard-lock-'))
writeFileSync(
  join(folder, 'package.json'),
  JSON.stringify({ name: 'llama-cpp', private: true, dependencies }),
)
const how = ['--package-lock-only', '--ignore-scripts', '--force', '--no-audit', '--no-fund']
await execa('npm', ['install', ...how], { cwd: folder })
const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Record<string, unknown>>
}
const packages = Object.entries(lock.packages)
  .filter(([, one]) => !one['optional'])
  .map(([path, one]) => {
    const kept = Object.entries(one).filter(([name]) => !unread.includes(name))
    return [path, Object.fromEntries(kept)] as const
  })
writeFileSync(output, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`)
rmSync(folder, { recursive: true, force: true })
