import js from '@eslint/js'
import lit from 'eslint-plugin-lit'
import wc from 'eslint-plugin-wc'
import tseslint from 'typescript-eslint'
import { plugin as modules } from './scripts/modules.mjs'

export default tseslint.config(
  // TypeScript of other compilers than ours: `npm run build` in demo/frameworks checks its pages, and the type tests the rest.
  {
    ignores: [
      '**/dist/',
      'coverage/',
      '.chat-session/',
      '.compiled/',
      'demo/frameworks/**/*.ts',
      'src/typings/*.d.ts',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-definitions': 'off',
      // `return end(why)` says that nothing more happens.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // The fields that a rest leaves out.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true }],
      // `erasableSyntaxOnly` of tsconfig.json allows no enum.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      // An empty attribute, header or variable is an absent one.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      // Modules hand each other objects of closures, which have no `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      // A map of events is put into the platform's by extending it.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: [
      'src/element/**/*.ts',
      'src/pages/playground/**/*.ts',
      'src/pages/console/**/*.ts',
      'demo/**/*.ts',
    ],
    extends: [lit.configs['flat/recommended'], wc.configs['flat/recommended']],
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'console',
          'process',
          'URL',
          'Buffer',
          'setTimeout',
          'clearTimeout',
          'crypto',
          'TextEncoder',
          'fetch',
        ].map((name) => [name, false]),
      ),
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test awaits what these answer.
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            // Typed as a promise for its snapshots; what we compare is compared at once.
            { from: 'package', package: '@open-wc/semantic-dom-diff', name: ['Equal'] },
            {
              from: 'package',
              package: 'node:test',
              name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
            },
          ],
        },
      ],
    },
  },
  {
    files: ['packages/**/*.ts'],
    rules: {
      // A package's build bundles what the package imports by path: the tables of the protocol, but no second gateway.
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '/src/(?!protocol/(index|internal)\\.js$)',
              message: 'Of src/ a package imports src/protocol alone, and else the entries of chat-session.',
            },
          ],
        },
      ],
    },
  },
  { files: ['src/**/*.ts'], plugins: { modules }, rules: { 'modules/imports': 'error' } },
)
