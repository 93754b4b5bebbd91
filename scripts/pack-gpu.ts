// Packs what a machine with an NVIDIA GPU and nothing else needs to run test/gpu/ into one folder: Node, the program, the check.
import { copyFileSync, mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { bundle } from './build.ts'

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const folder = process.argv[2] ?? at('dist/gpu')

mkdirSync(folder, { recursive: true })
await bundle(join(folder, 'switchyard.mjs'))
await bundle(join(folder, 'switch.mjs'), at('test/gpu/switch.ts'))
copyFileSync(at('test/gpu/vllm.py'), join(folder, 'vllm.py'))
copyFileSync(realpathSync(at('node_modules/node/bin/node')), join(folder, 'node'))
await execa('strip', [join(folder, 'node')])
console.log(
  `${folder}: run \`./node switch.mjs switchyard.mjs vllm.py\` there; python3 needs torch and transformers`,
)
