// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs a fuzz target on files and on the files of folders, without libFuzzer: how the
 * corpus is run where only the C compiler is there. A crash is the failure; the last line
 * names how many inputs were run.
 */
#include "tests/fuzz/input-lib.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of exactly the input's size, so that a sanitizer sees a read past its end. */
static int run_file(const char *path, size_t *count)
{
	struct stat st;
	FILE *in = fopen(path, "re");
	uint8_t *data;

	if (!in || fstat(fileno(in), &st) < 0) {
		perror(path);
		if (in)
			fclose(in);
		return -1;
	}
	data = malloc((size_t)st.st_size);
	if (st.st_size > 0 && (!data || fread(data, (size_t)st.st_size, 1, in) != 1)) {
		fprintf(stderr, "%s: cannot read it\n", path);
		exit(1);
	}
	fclose(in);
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	*count += 1;
	return 0;
}

static int run_folder(const char *path, size_t *count)
{
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort), rc = 0;

	if (n < 0)
		return run_file(path, count);
	for (int i = 0; i < n; i++) {
		char *file = NULL;

		if (names[i]->d_name[0] != '.') {
			if (asprintf(&file, "%s/%s", path, names[i]->d_name) < 0)
				exit(1);
			rc |= run_file(file, count);
			free(file);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	int rc = 0;

	for (int i = 1; i < argc; i++)
		rc |= run_folder(argv[i], &count);
	printf("%zu inputs\n", count);
	return rc || count == 0;
}
