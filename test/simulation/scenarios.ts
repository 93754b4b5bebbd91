// Every scenario there is, by the fault catalogue's list.
import { modelScenarios } from './model-scenarios.ts'
import { runtimeScenarios } from './runtime-scenarios.ts'
import type { Scenario } from './scenario.ts'

export const scenarios: readonly Scenario[] = [...runtimeScenarios, ...modelScenarios]
