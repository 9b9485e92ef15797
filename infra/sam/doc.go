// Package sam builds the functions with the AWS SAM CLI and checks what was built. It consists of scripts and a test.
//
//   - install fetches the SAM CLI, its translator and cfn-lint, in the versions of requirements.txt.
//   - env sets how Go builds the functions, and where those tools are; whoever builds sources it.
//   - build builds every function for one processor.
//   - translate.py prints a template as CloudFormation gets it.
package sam
