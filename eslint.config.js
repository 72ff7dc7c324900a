import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: ['dist/', 'dist-*/', 'node_modules/', 'coverage/', '.data/', '.stryker-tmp/', 'reports/', '**/generated/'],
  },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: [
            'eslint.config.js',
            'stryker.config.mjs',
            'scripts/*.mjs',
            'verification/harness/*.mjs',
          ],
        },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/require-await': 'off',
      // Our objects are made by functions and have no `this` to lose.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'max-lines': ['error', 750],
      'no-restricted-properties': [
        'error',
        {
          object: 'URL',
          property: 'canParse',
          message: 'It is wrong in Node.js 20 and 22 for some hosts: use parseUrl of src/network/parse-url.ts.',
        },
      ],
    },
  },
  {
    files: ['**/*.mjs'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        console: 'readonly',
        process: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        AbortController: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  {
    files: ['src/main.ts', 'src/cli/**', 'scripts/**', 'test/**', 'bench/**', 'verification/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: [
      '*.config.ts',
      '*.config.js',
      '*.config.mjs',
      '.dependency-cruiser.mjs',
      'codegen.ts',
      'web/**/vite.config.ts',
      'scripts/*.config.ts',
      'test/support/global-setup.ts',
      'test/support/closing-line.ts',
    ],
    rules: { 'no-restricted-exports': 'off' },
  },
);
