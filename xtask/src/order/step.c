/* Runs a program one instruction at a time and writes the address of each instruction, once, in the order in which they
 * came. What the program starts runs freely.  step FILE PROGRAM WORD... */
#include <stddef.h>
#include <stdio.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* A program that is not moved is linked to this address; nothing of ours is longer than this. */
#define FIRST 0x400000UL
#define LENGTH 0x2000000UL
static unsigned char seen[LENGTH];

int main(int count, char **words) {
    if (count < 3) return 2;
    FILE *out = fopen(words[1], "w");
    if (!out) return 1;
    pid_t child = fork();
    if (child == 0) {
        fclose(out);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        execv(words[2], words + 2);
        _exit(127);
    }
    int status;
    waitpid(child, &status, 0);
    for (long signal = 0; !WIFEXITED(status) && !WIFSIGNALED(status);) {
        if (ptrace(PTRACE_SINGLESTEP, child, 0, signal) || waitpid(child, &status, 0) < 0) break;
        signal = WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
        unsigned long at = ptrace(PTRACE_PEEKUSER, child, offsetof(struct user_regs_struct, rip), 0);
        if (at - FIRST < LENGTH && !seen[at - FIRST]) {
            seen[at - FIRST] = 1;
            fprintf(out, "%lx\n", at);
        }
    }
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
